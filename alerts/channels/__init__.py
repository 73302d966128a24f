"""Channels: each is one class that sends a message to a contact, and says how the message stands after that.

queued -> claimed -> sending -> sent -> delivered
                             |       -> undelivered   (the provider took it, the telephone did not)
                             -> unknown               (handed over, no answer: ask before another try)
                                        -> uncertain  (and nobody can be asked: a person decides)
        <- claimed                                    (nothing was accepted: tried again later)
                  -> failed                           (a dead letter)

Between claimed and sending lies the point of no return: a process that dies before it has sent nothing. Client
libraries log URLs, in which numbers and tokens stand, so their loggers are silent while a channel sends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Protocol, runtime_checkable

from pydantic import SecretStr


class State(StrEnum):
    """How a message stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNCERTAIN = "uncertain"
    FAILED = "failed"

    @property
    def dead(self) -> bool:
        """Whether a person has to decide: nothing happens to it any more, and it may not have arrived."""
        return self in {State.FAILED, State.UNDELIVERED, State.UNCERTAIN}

    @property
    def accepted(self) -> bool:
        """Whether the provider took it."""
        return self in {State.SENT, State.DELIVERED, State.UNDELIVERED}


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way out. The token marks it at the provider; threads are the incidents it is about."""

    id: int
    token: str
    subject: str
    text: str
    html: str | None = None
    threads: tuple[int, ...] = ()
    created_at: datetime | None = None
    attempted_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider says of a message it accepted."""

    provider_id: str | None
    status: str
    state: State = State.SENT
    error: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that came in."""

    id: str
    sender: SecretStr
    text: str
    at: datetime | None


def setup_mark(*parts: object) -> str:
    """A short mark for the parts of a channel's set-up; secrets do not show in it."""
    plain = (part.get_secret_value() if isinstance(part, SecretStr) else part for part in parts)
    return sha256(repr([*plain]).encode()).hexdigest()[:8]


class Sender(Protocol):
    """A channel. Errors are DeliveryErrors, whose texts hold neither contact nor secret."""

    @property
    def can_look_up(self) -> bool:
        """Whether the provider can be asked for a message whose outcome is unknown."""

    @property
    def setup(self) -> str:
        """A mark of how the channel is set up, another one after a change; it tells nothing of what that is."""

    def send(self, to: SecretStr, message: Message, handing_over: Callable[[], None]) -> Receipt:
        """Send a message; `handing_over` is called right before the point of no return, and may raise."""

    def look_up(self, to: SecretStr, message: Message) -> Receipt | None:
        """What became of an earlier attempt; None when the provider never accepted it."""

    def status(self, provider_id: str) -> Receipt:
        """How an accepted message stands by now."""


@runtime_checkable
class Answered(Protocol):
    """A channel whose provider keeps what people answer."""

    def replies(self, since: datetime) -> Sequence[Reply]:
        """What came in since a moment, newest first."""


LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry", "apprise", "twilio.http_client", "requests_oauthlib")

_sending: ContextVar[bool] = ContextVar("sending", default=False)


def _outside(record: logging.LogRecord) -> bool:
    return not _sending.get()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the client libraries in this thread; others that use them go on logging."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_outside)  # the same filter is added only once
    token = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(token)
