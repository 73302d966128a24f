"""The flows that notify people: what waits in the outbox is sent, and the dead man's switch looks for silence."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from alerts.outbox.dispatch import Dispatched
from flows.bridge.flow_run import run_body
from flows.bridge.zombies import note_crash
from flows.service.alerts import Watched, dispatch_round, of_round, of_watch, policy_of, watch_once
from flows.service.context import Invocation
from flows.service.ending import Ending, StateName
from flows.service.stops import look_for_crashes

NO_POLICY = "no alert policy is set, and so nobody is notified of anything; see docs/ALERTS.md"


@flow(name="dispatch-alerts", flow_run_name="dispatch of alerts", on_crashed=[note_crash])
def dispatch_alerts() -> State[Dispatched | None]:
    """Plan what came due, send what waits, and ask what became of earlier messages.

    Final states: Done (also where no alert policy is set), Undelivered (FAILED: a message became a dead letter, or a
    provider is away).
    """

    def body(invocation: Invocation) -> Dispatched | None:
        return dispatch_round(invocation) if policy_of(invocation.settings) else None

    return run_body(body, lambda done: of_round(done) if done else Ending(StateName.DONE, NO_POLICY))


@flow(name="watch", flow_run_name="dead man's switch", on_crashed=[note_crash])
def watch() -> State[Watched | None]:
    """Tell the watchers of the alert policy when no health check has finished for too long, or the database is away.

    Final states: Done (also where no alert policy is set), Critical (there was something to tell), Undelivered (FAILED:
    and nobody could be told).
    """

    def body(invocation: Invocation) -> Watched | None:
        look_for_crashes(invocation)
        return watch_once(invocation) if policy_of(invocation.settings) else None

    return run_body(body, lambda seen: of_watch(seen) if seen else Ending(StateName.DONE, NO_POLICY))
