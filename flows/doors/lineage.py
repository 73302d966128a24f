"""OpenLineage events of an import: one run for the import, one inside it for each feed, from the ledger's own figures.

A feed reads a file and writes the tables of its kind. Events are sent when the import has ended; the same import gives
the same run ids, so what a server gets twice is one run to it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from openlineage.client.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)  # fmt: skip
from openlineage.client.transport.http import HttpConfig, HttpTransport
from sqlalchemy import URL, Engine, Row, Table, select

from checks.rules.words import SUCCESS
from etl.kinds import kind_named
from etl.tables import import_feeds, import_runs
from flows.settings import Settings

log = logging.getLogger("flows.doors.lineage")
PRODUCER = "urn:rally-data-health"
NAMESPACE = "rally-health"
SERVER_SECONDS = 5.0


def emit_import(settings: Settings, engine: Engine, number: int) -> None:
    """Tell the server of an import; a server that does not take an event is a warning, and gets no more of them."""
    with engine.connect() as connection:
        run = connection.execute(select(import_runs).where(import_runs.c.id == number)).one()
        own = import_feeds.c
        feeds = connection.execute(select(import_feeds).where(own.run_id == number).order_by(own.id)).all()
    client = OpenLineageClient(transport=HttpTransport(_server(settings)))
    try:
        for event in _events(engine.url, run, feeds):
            client.emit(event)
    except Exception as error:  # noqa: BLE001 - an import is not lost for who draws it; the text may hold the key
        log.warning("RALLY_OPENLINEAGE_URL did not take the events of import %s: %s", number, type(error).__name__)


def _server(settings: Settings) -> HttpConfig:
    retry = {"total": 2, "connect": 2, "read": 2, "backoff_factor": 0.2}
    config = {"url": settings.openlineage_url, "timeout": SERVER_SECONDS, "retry": retry}
    key = settings.openlineage_api_key
    auth = {"auth": {"type": "api_key", "apiKey": key.get_secret_value()}} if key else {}
    return HttpConfig.from_dict({**config, **auth})


def _events(url: URL, run: Row[Any], feeds: Sequence[Row[Any]]) -> Iterator[RunEvent]:
    whole = Run(str(uuid5(NAMESPACE_URL, f"{_server_name(url)}/{url.database}/import/{run.id}")))
    job = Job(NAMESPACE, "import", {"jobType": _job_type("IMPORT")})
    yield _event(run.started_at, RunState.START, run=whole, job=job)
    for feed in feeds:
        yield from _of_feed(url, whole, feed)
    yield _event(run.finished_at or feeds[-1].finished_at, _state(run), run=whole, job=job)


def _of_feed(url: URL, whole: Run, feed: Row[Any]) -> Iterator[RunEvent]:
    parent = parent_run.ParentRunFacet(parent_run.Run(whole.runId), parent_run.Job(NAMESPACE, "import"))
    number = str(uuid5(NAMESPACE_URL, f"{whole.runId}/feed/{feed.id}"))
    job = Job(NAMESPACE, f"import.{feed.kind}.{feed.league}", {"jobType": _job_type("FEED")})
    outputs = [_table(url, table, feed) for table in kind_named(feed.kind).tables]
    both: dict[str, Any] = {"job": job, "inputs": [_file(feed)], "outputs": outputs}
    yield _event(feed.started_at, RunState.START, run=Run(number, {"parent": parent}), **both)
    ended = Run(number, {"parent": parent, **_trouble(feed)})
    yield _event(feed.finished_at or feed.started_at, _state(feed), run=ended, **both)


def _event(at: datetime, state: RunState, **more: Any) -> RunEvent:
    return RunEvent(eventTime=at.isoformat(), eventType=state, producer=PRODUCER, **more)


def _state(row: Row[Any]) -> RunState:
    return RunState.COMPLETE if row.outcome in SUCCESS else RunState.FAIL


def _trouble(feed: Row[Any]) -> Mapping[str, Any]:
    if feed.outcome in SUCCESS:
        return {}
    said = f"{feed.outcome}: {'; '.join(feed.reasons)}"
    return {"errorMessage": error_message_run.ErrorMessageRunFacet(said, "SQL")}


def _file(feed: Row[Any]) -> InputDataset:
    counted = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=feed.rows, fileCount=1)
    return InputDataset("file", feed.path, inputFacets={"inputStatistics": counted})


def _table(url: URL, table: Table, feed: Row[Any]) -> OutputDataset:
    columns = [
        schema_dataset.SchemaDatasetFacetFields(column.name, str(column.type), column.comment, place)
        for place, column in enumerate(table.columns, start=1)
    ]
    written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(feed.inserted + feed.updated)
    return OutputDataset(
        _server_name(url), f"{url.database}.{table.schema or 'public'}.{table.name}",
        facets={"schema": schema_dataset.SchemaDatasetFacet(columns)}, outputFacets={"outputStatistics": written},
    )  # fmt: skip


def _job_type(what: str) -> job_type_job.JobTypeJobFacet:
    return job_type_job.JobTypeJobFacet("BATCH", "RALLY_HEALTH", what)


def _server_name(url: URL) -> str:
    """The server as OpenLineage calls it, without the account."""
    return f"postgres://{url.host or 'localhost'}:{url.port or 5432}"
