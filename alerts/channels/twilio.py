"""SMS by Twilio's Messages API, which has no idempotency key: what is in doubt is looked up, never sent again.

Of each answer two things are read: whether the message can have been accepted, and whether another try can help. The
HTTP client is ours: Twilio's own has no timeout, and behind an HTTPS proxy its retries sent three copies of one
message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response

from alerts import DeliveryError, Misconfigured, OutcomeUnknown, Refused, TryLater
from alerts.channels import Message, Receipt, Reply, State, quiet, setup_mark
from alerts.people import E164

if TYPE_CHECKING:
    from twilio.rest import Client
    from twilio.rest.api.v2010.account.message import MessageInstance


API = "https://api.twilio.com"


class PatientOnce(HttpClient):  # type: ignore[misc] # twilio's base class is untyped for strict mypy
    """Asks once and waits at most `timeout` seconds for a connection, and as long for an answer."""

    def __init__(self, base_url: str, timeout: float) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self.is_async = False
        self.headers: Mapping[str, str] = {}
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=0))

    def request(  # noqa: PLR0917 - the signature is twilio's
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request; the headers of the answer are kept, for twilio's exceptions lose them."""
        arguments: dict[str, Any] = {"params": params, "data": data, "headers": headers, "auth": auth}
        answer = self.session.request(
            method,
            url.replace(API, self.base_url, 1),
            timeout=timeout or self.timeout,
            allow_redirects=False,
            **arguments,
        )
        self.headers = answer.headers
        return Response(answer.status_code, answer.text, answer.headers)


TRANSIENT = {
    14107: "too many messages at once",
    20429: "too many requests",
    21611: "the sender's queue is full",
    63038: "the account's daily limit is reached",
}
PERMANENT = {
    20003: "the credentials are wrong or the account is suspended",
    20404: "the account or the messaging service does not exist",
    21211: "the number is not valid",
    21212: "the sender's number is not valid",
    21408: "the account may not send to this region",
    21603: "a sender's number or a messaging service is missing",
    21606: "the sender's number cannot send SMS",
    21608: "a trial account can only send to verified numbers",
    21610: "the recipient has unsubscribed (STOP)",
    21612: "the sender's number cannot reach this recipient",
    21614: "the number is not a mobile one",
    21617: "the text is too long",
    21703: "the messaging service has no sender",
    30003: "the telephone is off or out of reach",
    30004: "the recipient blocks messages",
    30005: "the number does not exist",
    30006: "a landline, or a carrier that cannot be reached",
    30007: "filtered as spam by the carrier",
    30008: "lost for a reason that the carrier does not say",
    30034: "the sender's number is not registered (A2P 10DLC)",
}


OUR_SETUP = frozenset({20003, 20404, 21212, 21603, 21606, 21703, 30034})
"""Codes that say nothing of the recipient: every message meets them until somebody changes the set-up."""
BEFORE_THE_REQUEST = ("NewConnectionError", "NameResolutionError", "Tunnel connection failed")
"""What urllib3 says where surely no byte of the request was sent. A proxy that fails otherwise may have sent it."""


def meaning(code: int | None, status: int | None = None) -> str:
    """A code in words; Twilio's own text is not used, for it repeats numbers."""
    words = {**TRANSIENT, **PERMANENT}.get(code or 0, "refused")
    return f"Twilio: {words} ({f'code {code}' if code else f'HTTP {status}'})"


def error_of(status: int, code: int | None, headers: Mapping[str, str]) -> DeliveryError:
    """The error to raise for an answer to a request that sends."""
    if status == 429 or code in TRANSIENT:
        words = meaning(code if code in TRANSIENT else 20429)
        return TryLater(words, retry_after(headers))
    if status >= 500:
        # a message can have been accepted before the answer went wrong (measured)
        return OutcomeUnknown(f"Twilio answered HTTP {status}")
    wrongly_set_up = status in {401, 403} or code in OUR_SETUP
    return (Misconfigured if wrongly_set_up else Refused)(meaning(code, status))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header; a date in it is left to our own backoff."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(value), 3600.0) if value.isdigit() else None


def number(code: object) -> int | None:
    return int(str(code)) if str(code).isdigit() else None


@contextmanager
def answering(http: PatientOnce, *, sending: bool) -> Iterator[None]:
    """Turn what the client raises into our errors; all texts of the client are dropped, they hold numbers."""
    import requests  # noqa: PLC0415
    from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: PLC0415

    failure: DeliveryError
    try:
        yield
        return
    except TwilioRestException as error:
        failure = error_of(error.status, number(error.code), http.headers)
    except requests.exceptions.RequestException as error:
        failure = _no_answer(error)
    except (TwilioException, ValueError, KeyError, TypeError) as error:
        failure = OutcomeUnknown(f"Twilio's answer cannot be read ({type(error).__name__})")
    # asking can be done again without harm
    raise TryLater(str(failure)) if isinstance(failure, OutcomeUnknown) and not sending else failure


def _no_answer(error: Exception) -> DeliveryError:
    """Which of the many ways not to get an answer it was; only what surely came before the request is certain."""
    text, name = str(error), type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Misconfigured("Twilio's certificate cannot be verified")
    if name == "ConnectTimeout" or any(mark in text for mark in BEFORE_THE_REQUEST):
        return TryLater(f"no connection to Twilio ({name})")
    return OutcomeUnknown(f"the connection to Twilio broke off ({name})")


LOOKED_THROUGH = 200
CLOCK_SKEW = timedelta(minutes=5)
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


class TwilioSms:
    """Sends SMS."""

    can_look_up = True

    def __init__(self, account: TwilioAccount) -> None:
        if (account.sender is None) == (account.service is None):
            raise Refused("Twilio needs either a sender's number or a messaging service; exactly one of them")
        if account.sender and not E164.fullmatch(account.sender.get_secret_value()):
            raise Refused("Twilio's sender is no international number (E.164)")
        self.account = account

    @property
    def setup(self) -> str:
        """A mark of the account, its secret and its sender."""
        own = self.account
        return setup_mark(own.sid, own.token, own.sender, own.service, own.base_url)

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
            for sent in client.messages.stream(to=to.get_secret_value(), limit=LOOKED_THROUGH):
                if f"#{message.token}" in (sent.body or ""):
                    return _receipt(sent)
                if _older(sent.date_created, message.attempted_at):
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
        received = []
        with self._client() as client, answering(client.http_client, sending=False):
            for message in client.messages.stream(to=number, limit=LOOKED_THROUGH):
                if _older(message.date_created, since):
                    break
                if message.direction == "inbound":
                    received.append(
                        Reply(
                            message.sid or "", SecretStr(message.from_ or ""), message.body or "", message.date_created
                        )
                    )
        return received

    @contextmanager
    def _client(self) -> Iterator[Client]:
        from twilio.rest import Client  # noqa: PLC0415 - takes a second to import

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
    return created is not None and than is not None and created < than - CLOCK_SKEW
