"""The report of a run: a result per rule and parameter, the score, and the JSON document of `check --json`.

The document only ever grows; its schema is published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.engine.authoring.spec import Source
from checks.engine.authoring.units import Figure, Measure, Severity, Status, count_text, figure_text
from checks.engine.judging.judge import Baseline, Waiver
from checks.engine.reporting.score import FORMULA, Band, Score
from checks.engine.reporting.verdict import COVERAGE_FLOOR, Exit, FailOn, News, RunVerdict, coverage_of, run_verdict

if TYPE_CHECKING:
    from checks.engine.judging.findings import Findings
    from checks.engine.judging.judge import Cluster
    from checks.engine.measuring.measure import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of a report. It knows keys of rows, but no rows.

    `status` leaves accepted rows out, `gross_status` counts them; `accepted` says that the whole rule is waived.
    `coach` is the rule in a coach's words. `changed` says what of the rule is not as its author wrote it, and by which
    line of which file. `count`, `total` and `rate` are as found. `share` is the failing share that the score weighs,
    `impact` what the result takes of it: a score is 100 * product(1 - impact). `emptied` says that there was something
    to measure before and is nothing now, `relative` that the rule is judged on its own history, `left_out` that it is
    switched off or cannot be narrowed. `new`, `known` and `fixed` are None for metrics, without an earlier run all bad
    rows are new; with `exact` false they are least numbers. `carried` is when it was measured, where that was earlier
    and nothing that it reads has changed since; `basis` is a digest of what it rests on, `segments` its readings by
    dimension and value. `each` is what the parameter is one of, such as league. A result that stands for those of many
    parameters has them as `members`, worst first, and `spread` says how they stand.
    """

    rule: str
    domain: str
    parameter: str
    severity: Severity
    status: Status
    gross_status: Status
    summary: str
    coach: str = ""
    threshold: str
    unit: Measure | None = None
    count: int | None = None
    total: int | None = None
    rate: float | None = None
    value: float | None = None
    share: float = 0.0
    gross_share: float = 0.0
    impact: float = 0.0
    emptied: bool = False
    relative: bool = False
    left_out: bool = False
    points: Decimal = Decimal("0.00")
    waived: int = 0
    accepted: bool = False
    new: int | None = None
    known: int | None = None
    fixed: int | None = None
    exact: bool = True
    examples: tuple[Mapping[str, Any], ...] = ()
    clusters: tuple[Cluster, ...] = ()
    sql: str = ""
    seconds: float = 0.0
    error: str = ""
    note: str = ""
    owner: str = ""
    tags: frozenset[str] = frozenset()
    runbook: str = ""
    source: Source | None = None
    changed: tuple[str, ...] = ()
    fixable: bool = False
    on_target: bool | None = None
    findings: Findings | None = None
    appeared: frozenset[int] = frozenset()
    before: Status | None = None
    carried: datetime | None = None
    basis: str = ""
    digest: str = ""
    segments: Mapping[str, Mapping[Any, Measurement]] = field(default_factory=dict)
    each: str = ""
    members: tuple[Result, ...] = ()
    spread: str = ""

    @property
    def id(self) -> tuple[str, str]:
        """Rule and parameter."""
        return self.rule, self.parameter

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return title_of(self.rule, self.parameter)

    @property
    def without_history(self) -> bool:
        """Whether a figure was read that has too little history to be judged by."""
        return self.relative and self.status is Status.SKIPPED and self.value is not None

    @property
    def trouble(self) -> bool:
        """Whether someone should look: it is failing, and nobody has accepted that."""
        return self.status.failing and not self.accepted

    @property
    def is_new(self) -> bool:
        """Whether its trouble was not there in the run before: new bad rows, or without rows a worse status."""
        if not self.trouble:
            return False
        if self.new is not None:
            return self.new > 0
        return self.before is None or self.before.rank < self.status.rank

    @property
    def measurement(self) -> str:
        """What was measured, as a person would say it; empty when nothing was."""
        if self.members:
            return self.spread
        if self.value is not None:
            return figure_text(self.value, self.unit)
        return "" if self.count is None else count_text(self.count, self.total)

    @property
    def change(self) -> str:
        """ "3 new, 41 known, 5 fixed", without what is nought; empty when there is nothing to compare."""
        named = (("new", self.new), ("known", self.known), ("fixed", self.fixed))
        least = "" if self.exact else "at least "
        return ", ".join(f"{least if name != 'known' else ''}{number:,} {name}" for name, number in named if number)


def title_of(rule: str, parameter: str) -> str:
    """A rule as reports name it: with its parameter in brackets."""
    return f"{rule}[{parameter}]" if parameter else rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One evaluation of a selection of rules. Results stand worst first.

    `scoped` says that only some rows counted, such as those of one league, `another_day` that rules were compared with
    a day that is not the run's own; `floor` is the least coverage of a healthy run, 0 to 1. `parts` are scores by
    dimension, such as league, and label; `figures` what is steered by, `difference` the change since the run before in
    words, `news` what is new since yesterday; all put in by the caller.
    """

    run: str
    started: datetime
    finished: datetime
    today: date
    selection: str
    scoped: bool = False
    another_day: bool = False
    floor: float = COVERAGE_FLOOR
    results: tuple[Result, ...]
    net: Score
    gross: Score
    formula: int = FORMULA
    snapshots: int = 1
    role: str | None = None
    role_wanted: str | None = None
    expired: tuple[Waiver, ...] = ()
    unused: tuple[Waiver, ...] = ()
    complaints: tuple[str, ...] = ()
    parts: Mapping[str, Mapping[str, Decimal | None]] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    difference: str = ""
    news: News | None = None

    def as_baseline(self) -> Baseline:
        """What this report is for a later run, such as before and after a change in one transaction."""
        measured = [result for result in self.results if result.status.measured]
        return Baseline(
            statuses={result.id: result.status for result in measured},
            findings={result.id: result.findings for result in measured if result.findings is not None},
            digests={result.id: result.digest for result in measured if result.digest},
        )

    @property
    def verdict(self) -> RunVerdict:
        """What the run as a whole means."""
        return run_verdict(self.results, self.net.value, floor=self.floor, expired=self.expired)

    @property
    def score(self) -> Decimal | None:
        """0 to 100, accepted trouble left out; None when too little was measured to give one."""
        return None if self._unknown else self.net.value

    @property
    def gross_score(self) -> Decimal | None:
        """The score with accepted trouble counted; None when there is no score."""
        return None if self._unknown else self.gross.value

    @property
    def band(self) -> Band:
        """The run in a word."""
        return self.verdict.band

    @property
    def coverage(self) -> float:
        """The share of what counts that was measured, each rule by the weight of its severity; 0 without any."""
        return coverage_of(self.results)

    @property
    def _unknown(self) -> bool:
        # what is proven bad has a score, and it can only be lower
        return self.coverage < self.floor and self.band is Band.UNKNOWN

    @property
    def worst(self) -> Result | None:
        """The result to look at first; None when there is none."""
        return self.results[0] if self.results else None

    @property
    def trouble(self) -> tuple[Result, ...]:
        """What someone should look at, worst first."""
        return tuple(result for result in self.results if result.trouble)

    @property
    def metrics(self) -> Mapping[str, float]:
        """The values of all metrics by title."""
        return {result.title: result.value for result in self.results if result.value is not None}

    def by_status(self, status: Status) -> tuple[Result, ...]:
        """The results of one status, worst first."""
        return tuple(result for result in self.results if result.status is status)

    def of(self, rule: str, parameter: str = "") -> Result:
        """One result; KeyError when it is not in the report."""
        for result in self.results:
            if result.id == (rule, parameter):
                return result
        raise KeyError(f"no result of {rule!r}, parameter {parameter!r}")

    @property
    def carried(self) -> int:
        """How many results are those of an earlier run, because nothing that they read has changed since."""
        return sum(result.carried is not None for result in self.results)

    def counts(self) -> Mapping[Status, int]:
        """How many results there are of each status."""
        return Counter(result.status for result in self.results)

    def exit_code(self, fail_on: FailOn = FailOn.CRITICAL) -> Exit:
        """1 when the bar is missed, 5 when something could not be measured, otherwise 0."""
        return self.verdict.exit_code(fail_on)

    def to_json(self) -> dict[str, Any]:
        """The document that `check --json` writes; its schema is `checks/schemas/check.schema.json`."""
        return report_document(self)


def worst_first(result: Result) -> tuple[int, int, int, Decimal, str, str]:
    """The order of a report: accepted trouble after the rest, then status, severity, points, name."""
    rank = result.status.rank if result.trouble else -1 if result.status is Status.OK else 0
    severity = list(Severity).index(result.severity)
    return (-rank, -result.status.rank, -severity, -result.points, result.rule, result.parameter)


def report_document(report: Report) -> dict[str, Any]:
    """The document of a run."""
    return {
        "run": report.run,
        "score": _number(report.score),
        "gross": _number(report.gross_score),
        "band": report.band.value,
        "formula": report.formula,
        "coverage": round(report.coverage, 4),
        "domains": {name: _number(value) for name, value in sorted(report.net.domains.items())},
        "metrics": dict(sorted(report.metrics.items())),
        "results": [result_of(result) for result in report.results],
        # `started_at` and `finished_at` by their first names; the document only ever grows
        "started": report.started.isoformat(),
        "finished": report.finished.isoformat(),
        "today": report.today.isoformat(),
        "selection": report.selection,
        "snapshots": report.snapshots,
        "waivers": {
            "expired": [_waiver(waiver) for waiver in report.expired],
            "unused": [_waiver(waiver) for waiver in report.unused],
        },
        "complaints": list(report.complaints),
        "parts": {
            dimension: {label: _number(value) for label, value in sorted(parts.items())}
            for dimension, parts in sorted(report.parts.items())
        },
        "daily": [figure_document(figure) for figure in report.figures],
        "difference": report.difference or None,
        "news": None if report.news is None else _news(report.news),
        "state": report.verdict.state,
        "reason": report.verdict.reason or None,
        "coverage_floor": report.floor,
        "carried": report.carried,
        "another_day": report.another_day,
        "started_at": report.started.isoformat(),
        "finished_at": report.finished.isoformat(),
    }


def result_of(result: Result) -> dict[str, Any]:
    """One result of the document."""
    same = ("count", "total", "rate", "value", "threshold", "new", "known", "fixed", "sql", "seconds")
    more = (
        "share",
        "impact",
        "emptied",
        "summary",
        "owner",
        "runbook",
        "waived",
        "accepted",
        "exact",
        "on_target",
        "fixable",
    )
    return {
        "rule": result.rule,
        "domain": result.domain,
        "parameter": result.parameter or None,
        "title": result.title,
        "severity": result.severity.value,
        "status": result.status.value,
        "points": float(result.points),
        "examples": [dict(example) for example in result.examples],
        "clusters": clusters_of(result),
        "error": result.error or None,
        **{name: getattr(result, name) for name in same},
        "measurement": result.measurement,
        "unit": None if result.unit is None else result.unit.value,
        "gross_status": result.gross_status.value,
        "note": result.note or None,
        "tags": sorted(result.tags),
        "changed": list(result.changed),
        "source": None if result.source is None else f"{relative(result.source.file)}:{result.source.line}",
        **{name: getattr(result, name) for name in more},
        "measured_at": None if result.carried is None else result.carried.isoformat(),
    }


def figure_document(figure: Figure) -> dict[str, Any]:
    """A figure with its target."""
    same = ("key", "title", "value", "target", "at_least", "met", "said", "aim", "detail")
    return {**{name: getattr(figure, name) for name in same}, "unit": figure.unit.value}


def clusters_of(result: Result) -> list[dict[str, Any]]:
    """The clusters of a result."""
    return [
        {
            "where": dict(cluster.where),
            "count": cluster.count,
            "of": cluster.of,
            "rows": cluster.rows,
            "lift": cluster.lift,
            "text": str(cluster),
        }
        for cluster in result.clusters
    ]


def relative(file: str) -> str:
    """A file as seen from here, or only its name: a report does not tell where it was made."""
    path = Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name


def _news(news: News) -> dict[str, Any]:
    return {"since": news.since.isoformat(), "label": news.label, "new": list(news.new), "gone": list(news.gone)}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _waiver(waiver: Waiver) -> dict[str, Any]:
    names = ("id", "rule", "key", "owner", "reason")
    return {**{name: getattr(waiver, name) for name in names}, "until": waiver.until.isoformat()}
