"""Runs and results as they are stored: a result is what a run hands out, with its run and its moment beside it.

History, reports and pages read them here, so that a figure looks alike wherever it is shown. A lean result leaves out
what only a person who looks into one rule needs (examples, clusters, SQL); its fields are then empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, Row, Select, func, select

from checks.engine.authoring.units import Severity, Status
from checks.engine.collecting.rules import Selection
from checks.engine.reporting.report import Result
from checks.engine.reporting.score import Band
from etl.tables import EVER, TimeSpan, check_results, check_runs, within

if TYPE_CHECKING:
    from checks.engine.judging.judge import Cluster

LEAN = (
    "run_id", "at", "rule", "parameter", "domain", "severity", "status", "gross_status", "count", "total", "rate",
    "value", "points", "impact", "emptied", "waived", "accepted", "new", "known", "fixed", "exact", "seconds",
    "carried",
)  # fmt: skip
DETAILS = ("threshold", "examples", "clusters", "sql", "error", "note")

WHOLE = str(Selection())
"""The selection of a run of all rules."""

Clock: TypeAlias = Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult(Result):
    """One result out of the history: a `Result` with the run that it belongs to and the moment when that began."""

    run: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One run as it is kept. `parts` are scores by dimension, such as league, and label; `failing` counts results.

    `scoped` says that it was about one league alone, `another_day` that its rules were compared with another day than
    its own: what such a run found says nothing of the whole today.
    """

    id: str
    at: datetime
    today: date
    selection: str
    scoped: bool
    another_day: bool
    score: Decimal | None
    gross: Decimal | None
    band: str
    formula: int
    coverage: float
    failing: int = 0
    domains: Mapping[str, float | None] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    @property
    def apart(self) -> str:
        """Why no later run and no report is compared with it; empty for one that they are compared with."""
        reasons = (("about a part alone", self.scoped), (f"as of {self.today}", self.another_day))
        return ", ".join(reason for reason, holds in reasons if holds)


def stored_runs(connection: Connection, limit: int = 20, span: TimeSpan = EVER) -> tuple[StoredRun, ...]:
    """The newest runs of a time, newest first, each with the number of its results that are failing."""
    chosen = select_runs().where(*within(check_runs.c.started_at, span))
    return tuple(map(run_of, connection.execute(chosen.order_by(check_runs.c.started_at.desc()).limit(limit))))


def last_healthy_run(connection: Connection, floor: float) -> StoredRun | None:
    """The newest healthy run of all rules on all rows and its own day, with a coverage of at least `floor`; or None.

    A run of one rule, of one league or about another day says nothing of the whole, however well it went.
    """
    runs = check_runs.c
    whole = runs.selection == WHOLE, ~runs.scoped, ~runs.another_day
    healthy = select_runs().where(*whole, runs.band == Band.HEALTHY.value, runs.coverage >= floor)
    row = connection.execute(healthy.order_by(runs.started_at.desc()).limit(1)).first()
    return None if row is None else run_of(row)


def stored_results(
    connection: Connection, rule: str, limit: int = 20, span: TimeSpan = EVER
) -> tuple[StoredResult, ...]:
    """The newest results of a rule in a time, newest first; none for a rule that never ran."""
    results = check_results.c
    chosen = select_results(details=True).where(results.rule == rule, *within(results.at, span))
    rows = connection.execute(chosen.order_by(results.at.desc(), results.parameter).limit(limit))
    return tuple(results_of(rows))


def select_runs(*, parts: bool = True) -> Select[Any]:
    """The statement that `run_of` understands, to be narrowed by the caller; without the scores of parts on request."""
    statuses = [status for status in Status if status.failing]
    results = check_results.c
    failing = (
        select(func.count()).where(results.run_id == check_runs.c.id, results.status.in_(statuses)).scalar_subquery()
    )
    columns = [column for column in check_runs.c if parts or column is not check_runs.c.parts]
    return select(*columns, failing.label("failing"))


def select_results(*, details: bool = False) -> Select[Any]:
    """The statement that `results_of` understands, lean unless details are asked for; to be narrowed by the caller."""
    return select(*(check_results.c[name] for name in (*LEAN, *(DETAILS if details else ()))))


def run_of(row: Row[Any], clock: Clock = lambda at: at) -> StoredRun:
    """A row of `select_runs` as a run, its moment as `clock` has it."""
    same = ("id", "today", "selection", "scoped", "another_day", "score", "gross", "band", "formula", "coverage",
            "failing", "domains")  # fmt: skip
    figures = {name: getattr(row, name) for name in same}
    return StoredRun(at=clock(row.started_at), parts=getattr(row, "parts", {}), **figures)


def results_of(rows: Iterable[Row[Any]], clock: Clock = lambda at: at) -> Iterator[StoredResult]:
    """Rows of `select_results` as results, their moments as `clock` has them."""
    severities, statuses = {str(one): one for one in Severity}, {str(one): one for one in Status}
    for row in rows:
        run, at, rule, parameter, domain, severity, status, gross_status, *figures = row[: len(LEAN)]
        lean = dict(zip(LEAN[8:], figures, strict=True))
        lean["impact"] = lean["impact"] or 0.0  # NULL: a run of an earlier version did not keep it
        yield StoredResult(
            run=run, at=clock(at), rule=rule, parameter=parameter, domain=domain, severity=severities[severity],
            status=statuses[status], gross_status=statuses[gross_status], summary="", **lean, **_details(row),
        )  # fmt: skip


def clock_of(moment: datetime) -> Clock:
    """Moments in the time zone of another; a hundred results share one moment, so each is turned once."""
    return cache(lambda at: at.astimezone(moment.tzinfo))


def _details(row: Row[Any]) -> dict[str, Any]:
    if len(row) == len(LEAN):
        return {"threshold": ""}
    return {
        **{name: getattr(row, name) for name in ("threshold", "sql", "error", "note")},
        "examples": tuple(row.examples), "clusters": tuple(map(cluster_of, row.clusters)),
    }  # fmt: skip


def cluster_of(stored: Mapping[str, Any]) -> Cluster:
    """A cluster as it was stored, its labels in the order in which it said them: JSONB has its own."""
    from checks.engine.judging.judge import Cluster  # noqa: PLC0415 - most reading needs no measuring

    where = sorted(stored["where"].items(), key=lambda part: str(stored.get("text", "")).find(part[1]))
    return Cluster(
        where=tuple(where), count=stored["count"], of=stored["of"], rows=stored["rows"],
        lift=stored["lift"],
    )  # fmt: skip
