"""E-mail by SMTP: the server as one URL names it, the message as bytes, STARTTLS or TLS with the certificate verified.

The steps of a delivery are taken one by one, so that what fails before the text is handed over is known not to have
been accepted.
"""

from __future__ import annotations

import ipaddress
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from alerts import DeliveryError, Misconfigured, OutcomeUnknown, PolicyError, Refused, TryLater
from alerts.channels import Message, Receipt, setup_mark
from alerts.render import one_line

EXPECTED = "smtp+starttls://user:password@host:587 or smtps://user:password@host:465"


class Security(StrEnum):
    """How the connection is protected."""

    STARTTLS = "smtp+starttls"
    TLS = "smtps"
    NONE = "smtp"
    """Only for a relay on this machine, and without a password."""


PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """A mail server and who we are there. `authorities` is a file of certificates to trust besides the system's."""

    host: str
    port: int
    security: Security
    user: SecretStr | None = None
    password: SecretStr | None = None
    sender: SecretStr
    authorities: str | None = None
    timeout: float = 10.0

    @classmethod
    def parse(cls, url: SecretStr, sender: SecretStr, *, authorities: str | None = None) -> SmtpServer:
        """Read a URL; raises PolicyError, whose message repeats nothing of it."""
        try:
            parts = urlsplit(url.get_secret_value())
            security, host = Security(parts.scheme), parts.hostname or ""
            port = parts.port or PORTS[security]
        except ValueError:
            raise PolicyError(f"the mail server's URL cannot be read; expected {EXPECTED}") from None
        if not host or (security is Security.NONE and (parts.password or not _on_this_machine(host))):
            raise PolicyError(f"the mail server has to be reached by TLS; expected {EXPECTED}")
        user, password = (SecretStr(unquote(one)) if one else None for one in (parts.username, parts.password))
        return cls(
            host=host, port=port, security=security, user=user, password=password, sender=sender,
            authorities=authorities,
        )  # fmt: skip


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# quoted-printable or base64, so that no server has to know 8BITMIME
SEVEN_BIT = SMTP.clone(cte_type="7bit")
NAME = "Rally Data Health"


def mime(message: Message, sender: str, to: str) -> EmailMessage:
    """Text and HTML, with a Message-ID of its own for good and headers that make one incident one conversation."""
    domain = sender.rpartition("@")[2]
    mail = EmailMessage(policy=SEVEN_BIT)
    mail["From"] = Address(NAME, addr_spec=sender)
    mail["To"] = to
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = format_datetime((message.created_at or datetime.now(UTC)).astimezone(UTC))
    # the same at every attempt: a mailbox that gets it twice shows it once
    mail["Message-ID"] = message_id(message, domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    roots = [f"<incident-{number}@{domain}>" for number in message.threads]
    if roots:
        mail["In-Reply-To"] = roots[0]
        mail["References"] = " ".join(reversed(roots))
    mail.set_content(_clean(message.text))
    if message.html:
        mail.add_alternative(_clean(message.html), subtype="html")
    return mail


def message_id(message: Message, domain: str) -> str:
    """The Message-ID of a message."""
    return f"<{message.token.lower()}.{message.id}@{domain}>"


def _clean(text: str) -> str:
    # EmailMessage passes NUL on, and servers refuse it
    return text.replace("\0", "").encode("utf-8", "replace").decode()


class SmtpMail:
    """Sends e-mail. SMTP knows no look-up: an unknown outcome stays unknown until a person decides."""

    can_look_up = False

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    @property
    def setup(self) -> str:
        """A mark of the server, and of who we are there."""
        own = self.server
        return setup_mark(own.host, own.port, own.security, own.user, own.password, own.sender, own.authorities)

    def send(self, to: SecretStr, message: Message, handing_over: Callable[[], None]) -> Receipt:
        """Send one e-mail to one recipient."""
        sender, address = self.server.sender.get_secret_value(), to.get_secret_value()
        mail = mime(message, sender, address)
        with _certain(), self._session() as session:
            _expect(session.mail(sender), "sender")
            _expect(session.rcpt(address), "recipient")
            _expect(session.docmd("DATA"), "text", wanted=3)
            handing_over()
            _expect(_text(session, mail.as_bytes()), "text")
            return Receipt(message_id(message, sender.rpartition("@")[2]), "accepted")

    def look_up(self, to: SecretStr, message: Message) -> Receipt | None:
        """Never called."""
        raise NotImplementedError

    def status(self, provider_id: str) -> Receipt:
        """What the server accepted is all that it says."""
        return Receipt(provider_id, "accepted")

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        server = self.server
        context = ssl.create_default_context()
        if server.authorities:
            context.load_verify_locations(server.authorities)
        session = _open(server, context)
        try:
            session.ehlo_or_helo_if_needed()
            if server.security is Security.STARTTLS:
                # refused unless the server offers it: without TLS no password is sent
                session.starttls(context=context)
                session.ehlo()
            if server.user and server.password:
                session.login(server.user.get_secret_value(), server.password.get_secret_value())
            yield session
        finally:
            _leave(session)


def _open(server: SmtpServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.security is Security.TLS:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=server.timeout)


def _leave(session: smtplib.SMTP) -> None:
    # the answer to the text decides; how the farewell goes does not
    try:
        session.quit()
    except (OSError, smtplib.SMTPException):
        session.close()


def _text(session: smtplib.SMTP, text: bytes) -> tuple[int, bytes]:
    try:
        session.send(re.sub(rb"(?m)^\.", b"..", text) + b".\r\n")
        return session.getreply()
    except OSError as error:  # smtplib's own errors are OSErrors
        raise OutcomeUnknown(f"the mail server broke off after the text ({type(error).__name__})") from None


def _expect(answer: tuple[int, bytes], what: str, *, wanted: int = 2) -> None:
    code = answer[0]
    if code // 100 != wanted:
        raise _by_code(code, f"the mail server refused the {what} (code {code})")


def _by_code(code: int, text: str) -> DeliveryError:
    # the server's own words are left out: they repeat addresses
    return TryLater(text) if code // 100 == 4 or code < 0 else Refused(text)


@contextmanager
def _certain() -> Iterator[None]:
    """Errors by which nothing was accepted, as ours. The order matters: all of smtplib's are OSErrors."""
    failure: DeliveryError
    try:
        yield
        return
    except smtplib.SMTPAuthenticationError as error:
        told = f"the mail server refused our credentials (code {error.smtp_code})"
        failure = TryLater(told) if error.smtp_code // 100 == 4 else Misconfigured(told)
    except smtplib.SMTPNotSupportedError:
        failure = Misconfigured("the mail server lacks what is needed: STARTTLS or a way to authenticate")
    except smtplib.SMTPResponseException as error:
        failure = _by_code(error.smtp_code, f"the mail server refused (code {error.smtp_code})")
    except smtplib.SMTPException as error:
        failure = TryLater(f"the mail server broke off ({type(error).__name__})")
    except ssl.SSLCertVerificationError:
        failure = Misconfigured("the mail server's certificate cannot be verified")
    except OSError as error:
        failure = TryLater(f"no connection to the mail server ({type(error).__name__})")
    raise failure
