"""Flow runs whose process was killed: nobody told Prefect, and they would stay Running for ever.

Where a run crashed and a hook still runs, our own ledger is closed too, for it is what people and exit codes go by.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from typing import Any

import psutil
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Crashed

from etl import ImporterBusy
from etl.importing.import_run import importer_lock
from etl.importing.ledger import close_left_open
from flows.service.context import current_invocation, open_engine

COMMAND_LINE = "command-line"
PREFIX = "process"


def process_tag(process: psutil.Process | None = None) -> str:
    """A process of this machine, as a tag by which a later one can see whether it still lives."""
    own = process or psutil.Process(os.getpid())
    return f"{PREFIX}:{socket.gethostname()}:{own.pid}:{int(own.create_time())}"


def reap(client: SyncPrefectClient) -> int:
    """Mark the flow runs of commands on this machine that are gone as Crashed, and return how many."""
    running = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[COMMAND_LINE]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
    )
    gone = [run for run in client.read_flow_runs(flow_run_filter=running) if any(map(_is_gone, run.tags))]
    for run in gone:
        client.set_flow_run_state(run.id, Crashed(message="the command's process is gone"), force=True)
    return len(gone)


def _is_gone(tag: str) -> bool:
    kind, _, rest = tag.partition(":")
    host, _, process = rest.rpartition(":")[0].rpartition(":")
    if kind != PREFIX or host != socket.gethostname() or not process.isdigit():
        return False
    with suppress(psutil.Error):
        return process_tag(psutil.Process(int(process))) != tag
    return True


log = logging.getLogger(__name__)

CRASH_GRACE_SECONDS = 5  # a server process notices within half a second that its client is gone


def note_crash(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Close what a crashed import left open in the ledger, unless another import is at work."""
    with open_engine(current_invocation().settings, application="rally-health crashed") as engine:
        try:
            with importer_lock(engine, wait=CRASH_GRACE_SECONDS) as connection:
                closed = close_left_open(connection)
        except ImporterBusy:  # what stands open is not what crashed, or its server process is still ending
            return
    log.warning("flow run %s ended as %s; %d runs were closed in the ledger", flow_run.name, state.name, closed)
