"""Who is notified of what, when, by which channel. Reads reports; knows neither flows nor the environment.

What can go wrong in alerting, as one tree. No message holds a number, an address or a token.

AlertError
├── PolicyError        a policy that cannot be used
├── UnknownIncident    no such incident, or a token that opens none
├── UnknownDelivery    no such message in the outbox
└── DeliveryError      one message was not sent
    ├── Refused          and never will be: another try would end the same way
    ├── Misconfigured    because of how we are set up: tried when that has changed, and sent by another channel
    ├── TryLater         but another try can help (transient)
    ├── OutcomeUnknown   or was it? The provider has to be asked before another try
    └── LostClaim        because another dispatcher took it over
"""

from __future__ import annotations


class AlertError(Exception):
    """Base of every error that alerts raises on purpose; `transient` says whether another try can help."""

    transient = False


class PolicyError(AlertError):
    """A policy that cannot be used; the message names the entry and what was expected."""


class UnknownIncident(AlertError):
    """No incident has this number or token."""


class UnknownDelivery(AlertError):
    """The outbox has no message of this number, or none that can be sent again."""


class DeliveryError(AlertError):
    """One message was not sent."""


class Refused(DeliveryError):
    """The provider will never take this message as it is."""


class Misconfigured(DeliveryError):
    """Nothing was accepted, and nothing will be until a person has changed how the channel is set up."""


class TryLater(DeliveryError):
    """Nothing was accepted, and another try can help; `retry_after` is what the provider asked for, in seconds."""

    transient = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class OutcomeUnknown(DeliveryError):
    """The message was handed over and no answer came back."""


class LostClaim(DeliveryError):
    """Another dispatcher took the message over while this one was slow."""
