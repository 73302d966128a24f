"""Flow runs whose process was killed: nobody told Prefect, and they would stay Running for ever.

Where a run crashed and a hook still runs, our own ledger is closed too, for it is what people and exit codes go by.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psutil
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flows.service.context import current_invocation, open_engine
from flows.service.stops import CRASH_GRACE_SECONDS, announce_stop, settle_crashes

log = logging.getLogger(__name__)

COMMAND_LINE = "command-line"
PREFIX = "process"
ZOMBIE_AGE = timedelta(hours=12)
RUN_NAMES = [
    "health check",
    "import of feeds",
    "night",
    "repair",
    "report of a period",
    "league checks",
    "leagues side by side",
    "dispatch of alerts",
    "dead man's switch",
]
"""What runs of our flows are called: a run of a command has no deployment, and a child run no tags to go by."""


def process_tag(process: psutil.Process | None = None) -> str:
    """A process of this machine, as a tag by which a later one can see whether it still lives."""
    own = process or psutil.Process(os.getpid())
    return f"{PREFIX}:{socket.gethostname()}:{own.pid}:{int(own.create_time())}"


def tag_run(client: SyncPrefectClient, run: FlowRun) -> None:
    """Tag a flow run with its process, so that a later run can see whether that still lives."""
    if not any(tag.startswith(f"{PREFIX}:") for tag in run.tags):
        client.update_flow_run(run.id, tags=[*run.tags, process_tag()])


def reap(client: SyncPrefectClient, now: datetime | None = None) -> int:
    """Mark flow runs of ours whose process is gone as Crashed, and return how many.

    Gone is the process of a tag on this machine that lives no more; the parent of a child run that has ended; and, on
    machines that cannot be asked, whatever is Running for longer than `ZOMBIE_AGE`.
    """
    running = filters.FlowRunFilter(
        name=filters.FlowRunFilterName(any_=RUN_NAMES),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING])),
    )
    oldest = (now or datetime.now(UTC)) - ZOMBIE_AGE
    ours = [run for run in client.read_flow_runs(flow_run_filter=running) if any(map(_is_ours, run.tags))]
    reasons = {run.id: _why_gone(client, run, oldest) for run in ours}
    gone = {run: why for run, why in reasons.items() if why}
    for run, why in gone.items():
        client.set_flow_run_state(run, Crashed(message=why), force=True)
    return len(gone)


def _is_ours(tag: str) -> bool:
    return tag.startswith(f"{PREFIX}:") or tag in {COMMAND_LINE, "rally"}


def _why_gone(client: SyncPrefectClient, run: FlowRun, oldest: datetime) -> str:
    if any(map(_is_gone, run.tags)):
        return "its process is gone"
    if run.parent_task_run_id is not None and _parent_has_ended(client, run.parent_task_run_id):
        return "the run that started it has ended"
    if run.start_time is not None and run.start_time < oldest:
        return f"it runs for more than {ZOMBIE_AGE.total_seconds() / 3600:.0f} hours"
    return ""


def _parent_has_ended(client: SyncPrefectClient, task_run: UUID) -> bool:
    with suppress(ObjectNotFound):
        parent = client.read_task_run(task_run).flow_run_id
        state = client.read_flow_run(parent).state if parent else None
        return state is not None and state.is_final()
    return False


def _is_gone(tag: str) -> bool:
    kind, _, rest = tag.partition(":")
    host, _, process = rest.rpartition(":")[0].rpartition(":")
    if kind != PREFIX or host != socket.gethostname() or not process.isdigit():
        return False
    with suppress(psutil.Error):
        return process_tag(psutil.Process(int(process))) != tag
    return True


def note_crash(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Close what a crashed run left open in the ledger; the second crash in a row of one feed stops the imports."""
    invocation = current_invocation()
    with open_engine(invocation.settings, application="rally-health crashed") as engine:
        stop = settle_crashes(engine, wait=CRASH_GRACE_SECONDS)
    log.warning("flow run %s ended as %s; %s", flow_run.name, state.name, stop or "imports go on")
    if stop is not None:
        announce_stop(invocation)
