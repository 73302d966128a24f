"""What Twilio's answers mean for the next step.

Two things are told apart: whether the message can have been accepted, and whether another try can help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alerts.errors import DeliveryError, OutcomeUnknown, Refused, TryLater

if TYPE_CHECKING:
    from alerts.channels.twilio_http import PatientOnce

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
    return Refused(meaning(code, status))


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

    found: DeliveryError
    try:
        yield
        return
    except TwilioRestException as error:
        found = error_of(error.status, number(error.code), http.headers)
    except requests.exceptions.RequestException as error:
        found = _no_answer(error)
    except (TwilioException, ValueError, KeyError, TypeError) as error:
        found = OutcomeUnknown(f"Twilio's answer cannot be read ({type(error).__name__})")
    # asking can be done again without harm
    raise TryLater(str(found)) if isinstance(found, OutcomeUnknown) and not sending else found


def _no_answer(error: Exception) -> DeliveryError:
    """Which of the many ways not to get an answer it was; only what surely came before the request is certain."""
    text, name = str(error), type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Refused("Twilio's certificate cannot be verified")
    if name in {"ConnectTimeout", "ProxyError"} or "NewConnectionError" in text or "NameResolutionError" in text:
        return TryLater(f"no connection to Twilio ({name})")
    return OutcomeUnknown(f"the connection to Twilio broke off ({name})")
