"""Chats, pagers and webhooks by an Apprise URL (Slack, Teams, PagerDuty, json:// and a hundred others)."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr

from alerts import OutcomeUnknown, Refused, TryLater
from alerts.channels import Message, Receipt, quiet


class AppriseChat:
    """Sends to Apprise URLs. Apprise only says yes or no: a no counts as not accepted."""

    can_look_up = False
    setup = ""

    def __init__(self, timeout: float = 10.0) -> None:
        self.timeout = timeout

    def send(self, to: SecretStr, message: Message, handing_over: Callable[[], None]) -> Receipt:
        """Send one message to one URL."""
        import apprise  # noqa: PLC0415 - loads a hundred and fifty plugins

        with quiet():
            target = apprise.Apprise()
            if not target.add(_timed(to.get_secret_value(), self.timeout)):
                raise Refused("the URL is none that Apprise knows")
            handing_over()
            try:
                accepted = target.notify(
                    title=message.subject, body=message.text, body_format=apprise.NotifyFormat.TEXT
                )
            except Exception as error:  # noqa: BLE001 - plugins are many and raise what they like
                raise OutcomeUnknown(f"the chat's plugin failed ({type(error).__name__})") from None
        if not accepted:
            raise TryLater("the chat did not take the message")
        return Receipt(None, "accepted")

    def look_up(self, to: SecretStr, message: Message) -> Receipt | None:
        """Never called."""
        raise NotImplementedError

    def status(self, provider_id: str) -> Receipt:
        """Nobody says more."""
        return Receipt(provider_id, "accepted")


def _timed(url: str, seconds: float) -> str:
    if "cto=" in url or "rto=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}cto={seconds:g}&rto={seconds:g}"
