"""What is done when a flow run crashed: our own ledger is told, for it is what people and exit codes go by."""

from __future__ import annotations

import logging
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from etl.errors import ImporterBusy
from etl.importing.ledger import close_left_open
from etl.importing.lock import importer_lock
from flows.context import surroundings
from flows.database import open_engine

log = logging.getLogger(__name__)

GRACE_SECONDS = 5  # a server process notices within half a second that its client is gone


def note_crash(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Close what a crashed import left open in the ledger, unless another import is at work."""
    with open_engine(surroundings().settings, application="rally-health crashed") as engine:
        try:
            with importer_lock(engine, wait=GRACE_SECONDS) as connection:
                closed = close_left_open(connection)
        except ImporterBusy:  # what stands open is not what crashed, or its server process is still ending
            return
    log.warning("flow run %s ended as %s; %d runs were closed in the ledger", flow_run.name, state.name, closed)
