"""What every channel has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from alerts.outbox.states import State


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


class Sender(Protocol):
    """A channel. Errors are DeliveryErrors, whose texts hold neither contact nor secret."""

    @property
    def can_look_up(self) -> bool:
        """Whether the provider can be asked for a message whose outcome is unknown."""

    def send(self, to: SecretStr, message: Message, handing_over: Callable[[], None]) -> Receipt:
        """Send a message; `handing_over` is called right before the point of no return, and may raise."""

    def look_up(self, to: SecretStr, message: Message) -> Receipt | None:
        """What became of an earlier attempt; None when the provider never accepted it."""

    def status(self, provider_id: str) -> Receipt:
        """How an accepted message stands by now."""
