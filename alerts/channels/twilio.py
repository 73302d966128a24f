"""SMS by Twilio's Messages API, which has no idempotency key: what is in doubt is looked up, never sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from alerts.channels.base import Message, Receipt
from alerts.channels.quiet import quiet
from alerts.channels.twilio_errors import answering, meaning, number
from alerts.errors import OutcomeUnknown, Refused
from alerts.outbox.states import State
from alerts.policy.people import E164

if TYPE_CHECKING:
    from twilio.rest import Client
    from twilio.rest.api.v2010.account.message import MessageInstance


LOOKED_THROUGH = 200
SKEW = timedelta(minutes=5)
ARRIVED = {"delivered", "read"}
LOST = {"failed", "undelivered", "canceled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """An account and its sender: a number of its own, or a messaging service."""

    sid: SecretStr
    token: SecretStr
    sender: SecretStr | None = None
    service: SecretStr | None = None
    base_url: str = "https://api.twilio.com"
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMS that came in."""

    id: str
    sender: SecretStr
    text: str
    at: datetime | None


class TwilioSms:
    """Sends SMS."""

    can_look_up = True

    def __init__(self, account: TwilioAccount) -> None:
        if (account.sender is None) == (account.service is None):
            raise Refused("Twilio needs either a sender's number or a messaging service; exactly one of them")
        if account.sender and not E164.fullmatch(account.sender.get_secret_value()):
            raise Refused("Twilio's sender is no international number (E.164)")
        self.account = account

    def send(self, to: SecretStr, message: Message, handing_over: Callable[[], None]) -> Receipt:
        """Send one SMS, by one request."""
        account = self.account
        sender = (
            {"from_": account.sender.get_secret_value()}
            if account.sender
            else {"messaging_service_sid": account.service.get_secret_value() if account.service else ""}
        )
        with self._client() as client:
            handing_over()
            with answering(client.http_client, sending=True):
                sent = client.messages.create(to=to.get_secret_value(), body=message.text, **sender)
        if not sent.sid:
            raise OutcomeUnknown("Twilio's answer names no message")
        return _receipt(sent)

    def look_up(self, to: SecretStr, message: Message) -> Receipt | None:
        """Find the message by its token among those that went to this number."""
        # not narrowed by date: a message that still waits at the provider has no date of sending
        with self._client() as client, answering(client.http_client, sending=False):
            for found in client.messages.stream(to=to.get_secret_value(), limit=LOOKED_THROUGH):
                if f"#{message.token}" in (found.body or ""):
                    return _receipt(found)
                if _older(found.date_created, message.attempted_at):
                    break
        return None

    def status(self, provider_id: str) -> Receipt:
        """How the message stands."""
        with self._client() as client, answering(client.http_client, sending=False):
            return _receipt(client.messages(provider_id).fetch())

    def replies(self, since: datetime) -> list[Reply]:
        """What came in since a moment, newest first; a messaging service has no number to ask for."""
        if self.account.sender is None:
            return []
        number = self.account.sender.get_secret_value()
        found = []
        with self._client() as client, answering(client.http_client, sending=False):
            for one in client.messages.stream(to=number, limit=LOOKED_THROUGH):
                if _older(one.date_created, since):
                    break
                if one.direction == "inbound":
                    found.append(Reply(one.sid or "", SecretStr(one.from_ or ""), one.body or "", one.date_created))
        return found

    @contextmanager
    def _client(self) -> Iterator[Client]:
        from twilio.rest import Client  # noqa: PLC0415 - takes a second to import

        from alerts.channels.twilio_http import PatientOnce  # noqa: PLC0415

        http = PatientOnce(self.account.base_url, self.account.timeout)
        secrets = self.account.sid.get_secret_value(), self.account.token.get_secret_value()
        # an environment of its own: the client would read the process's
        with quiet(), http.session:
            yield Client(*secrets, http_client=http, environment={"": ""})


def _receipt(message: MessageInstance) -> Receipt:
    status = str(message.status or "accepted")
    if status in LOST:
        return Receipt(message.sid, status, State.UNDELIVERED, meaning(number(message.error_code)))
    return Receipt(message.sid, status, State.DELIVERED if status in ARRIVED else State.SENT)


def _older(created: datetime | None, than: datetime | None) -> bool:
    return created is not None and than is not None and created < than - SKEW
