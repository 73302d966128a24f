"""An e-mail as bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from alerts.channels.base import Message
from alerts.render.content import one_line

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
