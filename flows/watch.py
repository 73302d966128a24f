"""The flow of the dead man's switch."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flows.alerting import Watched, watch_once
from flows.context import Surroundings
from flows.hooks import note_crash
from flows.staging import play
from flows.states import Ending, Name


@flow(name="watch", flow_run_name="dead man's switch", on_crashed=[note_crash])
def watch() -> State[Watched]:
    """Tell the watchers of the alert policy when no health check has finished for too long, or the database is away.

    Final states: Done, Critical (there was something to tell), Undelivered (FAILED: and nobody could be told).
    """

    def body(around: Surroundings) -> Watched:
        return watch_once(around.settings)

    return play(body, of_watch, lambda seen: None)


def of_watch(seen: Watched) -> Ending:
    """The ending of a look."""
    if seen.failed:
        return Ending(Name.UNDELIVERED, f"{'; '.join(seen.alarms)}; {seen.failed} could not be told")
    return Ending(Name.CRITICAL if seen.alarms else Name.DONE, "; ".join(seen.alarms) or "health checks run")
