"""The flow that sends what waits in the outbox.

The flow of the dead man's switch.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from alerts.outbox.dispatch import Dispatched
from flows.bridge.flow_run import call, run_body
from flows.bridge.zombies import note_crash
from flows.service.alerts import Watched, dispatch_once, watch_once
from flows.service.context import Surroundings
from flows.service.ending import Ending, StateName


@flow(name="dispatch-alerts", flow_run_name="dispatch of alerts", on_crashed=[note_crash])
def dispatch_alerts() -> State[Dispatched]:
    """Plan what came due, send what waits, and ask what became of earlier messages.

    Final states: Done, Undelivered (FAILED: a message became a dead letter, or a provider is away).
    """

    def body(around: Surroundings) -> Dispatched:
        return call("dispatch", lambda: dispatch_once(around.settings), what="One round of a dispatcher.")

    return run_body(body, of_round, lambda done: None)


def of_round(done: Dispatched) -> Ending:
    """The ending of a round, in counts alone."""
    attempts = ", ".join(f"{number} {state}" for state, number in sorted(done.attempts.items())) or "nothing to send"
    name = StateName.UNDELIVERED if done.dead or done.waiting else StateName.DONE
    return Ending(name, f"{attempts}; {done.planned} planned, {done.acknowledged} acknowledged")


@flow(name="watch", flow_run_name="dead man's switch", on_crashed=[note_crash])
def watch() -> State[Watched]:
    """Tell the watchers of the alert policy when no health check has finished for too long, or the database is away.

    Final states: Done, Critical (there was something to tell), Undelivered (FAILED: and nobody could be told).
    """

    def body(around: Surroundings) -> Watched:
        return watch_once(around.settings)

    return run_body(body, of_watch, lambda seen: None)


def of_watch(seen: Watched) -> Ending:
    """The ending of a look."""
    if seen.failed:
        return Ending(StateName.UNDELIVERED, f"{'; '.join(seen.alarms)}; {seen.failed} could not be told")
    return Ending(StateName.CRITICAL if seen.alarms else StateName.DONE, "; ".join(seen.alarms) or "health checks run")
