"""A real SMTP server with STARTTLS and AUTH, and misbehaving when told to."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Protocol
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from alerts.channels.smtp import SmtpServer

USER, PASSWORD, FROM = "rally", "smtp-password-0002", "alerts@rally.example.org"


@dataclass
class Mail:
    """What arrived, and what is to go wrong: a fault serves one message."""

    port: int = 0
    authorities: str = ""
    arrived: list[EmailMessage] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)

    @property
    def environment(self) -> dict[str, str]:
        """What leads the command line here."""
        return {"RALLY_SMTP_URL": self.url(), "RALLY_SMTP_FROM": FROM, "RALLY_SMTP_CA": self.authorities}

    def url(self, password: str = PASSWORD) -> str:
        return f"smtp+starttls://{USER}:{password}@localhost:{self.port}"

    def server(self, **more: Any) -> SmtpServer:
        url = SecretStr(self.url(more.pop("password", PASSWORD)))
        parsed = SmtpServer.parse(url, SecretStr(FROM), authorities=more.pop("authorities", self.authorities))
        return SmtpServer(**{name: getattr(parsed, name) for name in parsed.__slots__} | {"timeout": 2.0} | more)


class Handler:
    """Takes messages."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail

    async def handle_RCPT(
        self, server: Protocol, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail.faults and self.mail.faults[0].startswith("rcpt "):
            return f"{self.mail.faults.popleft()[5:]} <{address}> not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Protocol, session: Session, envelope: Envelope) -> str:
        fault = self.mail.faults.popleft() if self.mail.faults else "ok"
        if fault.startswith("data "):
            return f"{fault[5:]} said no"
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mail.arrived.append(message)
        if fault == "accept and drop":
            assert server.transport is not None
            server.transport.close()
        if fault == "accept and hang":
            await asyncio.sleep(5)
        return "250 OK"


def authenticate(server: Protocol, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good, message=None if good else "535 5.7.8 wrong")


class AnyPort(Controller):
    """On a free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call] # aiosmtpd says no more


@contextmanager
def mail_server(folder: Path, *, tls: bool = True) -> Iterator[Mail]:
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    mail = Mail(authorities=str(file))
    secured: dict[str, Any] = {"tls_context": context, "require_starttls": True, "auth_required": True} if tls else {}
    controller = AnyPort(
        Handler(mail), hostname="127.0.0.1", port=0, authenticator=authenticate, auth_require_tls=tls, **secured
    )
    controller.start()
    mail.port = controller.port
    try:
        yield mail
    finally:
        controller.stop()
