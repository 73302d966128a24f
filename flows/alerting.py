"""The flows that notify people: what waits in the outbox is sent, and the dead man's switch looks for silence."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from alerts.outbox.dispatch import Dispatched
from flows.bridge.flow_run import run_body
from flows.bridge.zombies import note_crash
from flows.service.alerts import Watched, dispatch_round, of_round, of_watch, watch_once


@flow(name="dispatch-alerts", flow_run_name="dispatch of alerts", on_crashed=[note_crash])
def dispatch_alerts() -> State[Dispatched]:
    """Plan what came due, send what waits, and ask what became of earlier messages.

    Final states: Done, Undelivered (FAILED: a message became a dead letter, or a provider is away).
    """
    return run_body(dispatch_round, of_round)


@flow(name="watch", flow_run_name="dead man's switch", on_crashed=[note_crash])
def watch() -> State[Watched]:
    """Tell the watchers of the alert policy when no health check has finished for too long, or the database is away.

    Final states: Done, Critical (there was something to tell), Undelivered (FAILED: and nobody could be told).
    """
    return run_body(watch_once, of_watch)
