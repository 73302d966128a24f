"""The flow that imports feeds."""

from __future__ import annotations

from dataclasses import replace

from prefect import flow
from prefect.client.schemas.objects import State

from etl.importing import ImportReport
from flows.bridge.artifacts import show_import
from flows.bridge.flow_run import run_body
from flows.bridge.task_runs import shown_in_prefect
from flows.bridge.zombies import note_crash
from flows.service.context import Invocation
from flows.service.ending import of_import
from flows.service.import_feeds import import_all
from flows.service.requests import ImportRequest


@flow(name="import-feeds", flow_run_name="import of feeds", on_crashed=[note_crash], on_cancellation=[note_crash])
def import_feeds(request: ImportRequest = ImportRequest()) -> State[ImportReport]:
    """Import feeds: files, folders of a league, or trees; each is published on its own, whole or not at all.

    Final states: Published, Unchanged, Blocked (the gate refused a feed), Refused (FAILED: a feed cannot be read).
    """

    def body(invocation: Invocation) -> ImportReport:
        with shown_in_prefect(invocation.progress) as progress:
            return import_all(replace(invocation, progress=progress), request)

    return run_body(body, of_import, show_import)
