"""Where e-mail is handed in: a mail server, as one URL says it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from alerts.errors import PolicyError

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
