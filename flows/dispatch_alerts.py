"""The flow that sends what waits in the outbox."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from alerts.outbox.dispatch import Dispatched
from flows.alerting import dispatch_once
from flows.context import Surroundings
from flows.hooks import note_crash
from flows.staging import play
from flows.states import Ending, Name
from flows.steps import call


@flow(name="dispatch-alerts", flow_run_name="dispatch of alerts", on_crashed=[note_crash])
def dispatch_alerts() -> State[Dispatched]:
    """Plan what came due, send what waits, and ask what became of earlier messages.

    Final states: Done, Undelivered (FAILED: a message became a dead letter, or a provider is away).
    """

    def body(around: Surroundings) -> Dispatched:
        return call("dispatch", lambda: dispatch_once(around.settings), what="One round of a dispatcher.")

    return play(body, of_round, lambda done: None)


def of_round(done: Dispatched) -> Ending:
    """The ending of a round, in counts alone."""
    attempts = ", ".join(f"{number} {state}" for state, number in sorted(done.attempts.items())) or "nothing to send"
    name = Name.UNDELIVERED if done.dead or done.waiting else Name.DONE
    return Ending(name, f"{attempts}; {done.planned} planned, {done.acknowledged} acknowledged")
