"""Doors for other tools: each an extra on its own library, and off until a setting or a command opens it.

Metrics and traces of runs by OTLP (`otel`), OpenLineage events of imports (`openlineage`), rules as an Open Data
Contract (`odcs`), and a read-only MCP server (`mcp`). What goes out are keys and counts. A tool that does not answer
costs some seconds and a warning, never the run. See docs/INTEGRATIONS.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from checks.engine.reporting.report import Report
from etl.importing import ImportReport
from flows.service.context import Invocation
from flows.settings import Settings, SettingsError


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Import what an extra brings; raises SettingsError, which says what to install, where that is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"this needs the library of {error.name}; install the extra: pip install 'rally-data-health[{extra}]'"
        ) from None


Reported = Callable[[Report | ImportReport], None]


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """A run that is watched: its invocation, and who is handed its report."""

    invocation: Invocation
    reported: Reported = lambda report: None


@contextmanager
def watched(invocation: Invocation, name: str) -> Iterator[WatchedRun]:
    """Trace the block as a run, where RALLY_OTLP_ENDPOINT names a collector; what is traced is sent at its end."""
    endpoint = invocation.settings.otlp_endpoint
    if not endpoint:
        yield WatchedRun(invocation)
        return
    with needing("otel"):
        from flows.doors.telemetry import Recorder  # noqa: PLC0415 - an extra
    with Recorder(endpoint).recording(invocation, name) as (traced, reported):
        yield WatchedRun(traced, reported)


Lineage = Callable[[Engine, ImportReport], None]


def lineage_of(settings: Settings) -> Lineage:
    """What tells a lineage server of an import, where RALLY_OPENLINEAGE_URL names one; a dry run is no lineage."""
    if not settings.openlineage_url:
        return lambda engine, report: None
    with needing("openlineage"):
        from flows.doors.lineage import emit_import  # noqa: PLC0415 - an extra

    def tell(engine: Engine, report: ImportReport) -> None:
        if report.feeds and not report.dry_run:
            emit_import(settings, engine, report.run)

    return tell
