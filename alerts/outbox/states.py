"""How a message stands.

queued -> claimed -> sending -> sent -> delivered
                             |       -> undelivered   (the provider took it, the telephone did not)
                             -> unknown               (handed over, no answer: ask before another try)
                                        -> uncertain  (and nobody can be asked: a person decides)
        <- claimed                                    (nothing was accepted: tried again later)
                  -> failed                           (a dead letter)

Between claimed and sending lies the point of no return: a process that dies before it has sent nothing.
"""

from __future__ import annotations

from enum import StrEnum


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
