"""A read-only MCP server over history, rules and incidents, for assistants that speak the Model Context Protocol.

Each tool reads in a transaction of its own, as the role that may only read where the database has one. Answers are keys
and counts, with the names of `--json`: no row, no person, and nothing that people wrote, be it a note or their name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from sqlalchemy import Connection, Engine

from alerts import AlertError
from alerts.incidents import Incident, store
from checks import CheckError
from checks.documents import plain_value, run_document, stored_document
from checks.engine.authoring.spec import Check
from checks.engine.collecting.rules import Rules, Selection
from checks.review.reading import latest_results, newest_comparable_run
from checks.runbooks import runbook_text
from checks.stored import stored_results, stored_runs
from etl.database import DATABASE_ERRORS, describe_error
from flows.web.app import read_only, reader_of

READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
MOST = 500
INCIDENT_FIELDS = (
    "id", "rule", "parameter", "domain", "severity", "status", "worst", "summary", "measurement", "change", "points",
    "clusters", "examples", "opened_at", "opened_run", "seen_at", "seen_run", "since", "episode", "resolved_at",
    "state",
)  # fmt: skip
"""What is said of an incident: what was measured and when, not who is at it."""
INSTRUCTIONS = """\
How healthy the data of Rally's leagues is: newest run first, then open incidents, then one rule or incident. Examples
are keys of bad rows, never people. Nothing can be changed here; what is to be done is a command of rally-health."""


def mcp_server(engine: Engine, rules: Rules, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> MCPServer:
    """The server with its tools; who runs it chooses how it is spoken to."""
    server = MCPServer(
        "rally-health", instructions=INSTRUCTIONS, version=version("rally-data-health"), log_level="ERROR"
    )
    tools = Tools(engine, rules, clock)
    for tool in (tools.health, tools.history, tools.rules, tools.rule, tools.incidents, tools.incident):
        server.tool(annotations=READ_ONLY)(tool)
    return server


class Tools:
    """What can be asked; each method is a tool, and its docstring is what an assistant reads of it."""

    def __init__(self, engine: Engine, rules: Rules, clock: Callable[[], datetime]) -> None:
        self._engine, self._catalogue, self._clock = engine, rules, clock
        self._role = reader_of(engine)

    def health(self) -> dict[str, Any]:
        """The newest health check of the whole: score, band, coverage, scores by domain and league, open incidents.

        A check of one rule alone is not the whole, however new it is.
        """
        with self._reading() as connection:
            run = newest_comparable_run(connection, self._clock())
            incidents = store.listed(connection)
        return {"run": run_document(run) if run else None, "open_incidents": len(incidents)}

    def history(self, rule: str = "", limit: int = 20) -> list[dict[str, Any]]:
        """Runs, newest first; with a rule, its results: status, counts, new, known and fixed rows, SQL."""
        most = max(1, min(limit, MOST))
        with self._reading() as connection:
            if not rule:
                return [run_document(run) for run in stored_runs(connection, most)]
            results = stored_results(connection, rule, most)
        if not results:
            self._require(rule)
        return [stored_document(result) for result in results]

    def rules(self, text: str = "", failing: bool = False) -> list[dict[str, Any]]:
        """Rules whose name or summary has a text in it, with their newest status; `failing`: only those in trouble."""
        with self._reading() as connection:
            newest = latest_results(connection, self._clock())
        statuses: dict[str, list[str]] = {}
        for result in newest:
            statuses.setdefault(result.rule, []).append(result.status.value)
        trouble = {result.rule for result in newest if result.trouble}
        return [
            {**_described(check), "status": statuses.get(check.name, [None])[0]}
            for check in self._catalogue.values()
            if text.casefold() in f"{check.name} {check.summary}".casefold() and (check.name in trouble or not failing)
        ]

    def rule(self, name: str) -> dict[str, Any]:
        """One rule: definition, limits, runbook, and its newest result per parameter with clusters and example keys."""
        check = self._require(name)
        with self._reading() as connection:
            newest = [stored_document(result) for result in latest_results(connection, self._clock(), name)]
        more = {"tags": sorted(check.mark.tags), "runbook": runbook_text(check.mark.runbook), "results": newest}
        return {**_described(check), **more, "fix": f"rally-health fix plan {name}" if check.fix else None}

    def incidents(self, resolved_days: int = 0) -> list[dict[str, Any]]:
        """Open incidents, worst first; with `resolved_days` also those that were resolved in so many days."""
        since = self._clock() - timedelta(days=min(resolved_days, 3660)) if resolved_days > 0 else None
        with self._reading() as connection:
            return [_incident(incident) for incident in store.listed(connection, resolved_since=since)]

    def incident(self, number: int) -> dict[str, Any]:
        """One incident with its timeline: when it opened, changed, was acknowledged, and in which runs."""
        with self._reading() as connection:
            incident, events = store.find(connection, number), store.all_events(connection, number)
        story = [{"at": event.at.isoformat(), "event": event.kind.value, "run": event.run} for event in events]
        return {**_incident(incident), "events": story}

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One look at the database; what a person can mend is told, all else is no text for others."""
        try:
            with read_only(self._engine, self._role) as connection:
                yield connection
        except DATABASE_ERRORS as error:
            raise ToolError(f"the database did not answer: {describe_error(error)}") from None
        except AlertError as error:
            raise ToolError(str(error)) from None

    def _require(self, name: str) -> Check:
        try:
            Selection(names=(name,)).apply(self._catalogue)
            return self._catalogue[name]
        except (CheckError, KeyError) as error:
            raise ToolError(str(error)) from None


def _described(check: Check) -> dict[str, Any]:
    mark = check.mark
    return {
        "rule": check.name, "summary": check.summary, "domain": check.domain, "table": check.table or None,
        "severity": mark.severity.value, "limits": str(mark.threshold), "owner": mark.owner,
    }  # fmt: skip


def _incident(incident: Incident) -> dict[str, Any]:
    document = {name: plain_value(getattr(incident, name)) for name in INCIDENT_FIELDS}
    return {**document, "acknowledged": incident.acknowledged_at is not None}
