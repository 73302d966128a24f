"""Flow runs of commands that were killed: nobody told Prefect, and they would stay Running for ever."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

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
