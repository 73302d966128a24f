"""The rules and the imports that take the most time: what to look at first when a night becomes long."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from checks.review.section import CellKind, Section, SectionColumn
from checks.review.values import Feed, PeriodKind, ReviewInputs

SLOWEST = 10


@dataclass(frozen=True, slots=True)
class RuleDuration:
    """The seconds that a rule took in the runs of a period, all its parameters together."""

    rule: str
    runs: int
    median: float
    longest: float
    last: float


def _slowest(inputs: ReviewInputs) -> tuple[RuleDuration, ...]:
    """The ten rules with the longest median, the slowest first."""
    taken: dict[str, dict[str, float]] = {}
    for (rule, _), results in inputs.results.items():
        runs = taken.setdefault(rule, {})
        for result in results:
            runs[result.run] = runs.get(result.run, 0.0) + result.seconds
    durations = [
        RuleDuration(rule, len(runs), median(runs.values()), max(runs.values()), list(runs.values())[-1])
        for rule, runs in taken.items()
    ]
    return tuple(sorted(durations, key=lambda one: (-one.median, one.rule))[:SLOWEST])


SLOWEST_RULES = Section(
    key="slowest_rules", anchor="slowest-rules", title="Slowest rules of the period", navigation="Slowest rules",
    place=145, shortest=PeriodKind.MONTHLY, empty="No rule has run.", rows=_slowest,
    caption="Seconds in the runs of this period",
    columns=(
        SectionColumn("rule", lambda one: one.rule, CellKind.NAME),
        SectionColumn("runs", lambda one: one.runs, CellKind.NUMBER),
        SectionColumn("median", lambda one: f"{one.median:.2f} s", CellKind.NUMBER),
        SectionColumn("longest", lambda one: f"{one.longest:.2f} s", CellKind.NUMBER),
        SectionColumn("last", lambda one: f"{one.last:.2f} s", CellKind.NUMBER),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedDuration:
    """The seconds that the published imports of a feed took in a period; `rows` are those of the last one."""

    feed: str
    imports: int
    median: float
    longest: float
    rows: int

    @property
    def pace(self) -> str:
        """Rows in a second."""
        return f"{self.rows / self.median:,.0f}" if self.median else ""


def _slowest_feeds(inputs: ReviewInputs) -> tuple[FeedDuration, ...]:
    """The ten feeds with the longest median, the slowest first; what was unchanged was not imported."""
    taken: dict[str, list[Feed]] = {}
    for feed in inputs.book.feeds:
        if inputs.period.covers(feed.started_at) and feed.outcome == "published" and feed.seconds is not None:
            taken.setdefault(f"{feed.kind} of {feed.league}", []).append(feed)
    durations = [_duration(name, feeds) for name, feeds in taken.items()]
    return tuple(sorted(durations, key=lambda one: (-one.median, one.feed))[:SLOWEST])


def _duration(name: str, feeds: list[Feed]) -> FeedDuration:
    seconds = [feed.seconds or 0.0 for feed in feeds]
    return FeedDuration(name, len(feeds), median(seconds), max(seconds), feeds[-1].rows)


SLOWEST_IMPORTS = Section(
    key="slowest_imports", anchor="slowest-imports", title="Slowest imports of the period",
    navigation="Slowest imports", place=144, shortest=PeriodKind.MONTHLY, empty="Nothing was published.",
    rows=_slowest_feeds, caption="Seconds of the imports that were published in this period",
    columns=(
        SectionColumn("feed", lambda one: one.feed, CellKind.NAME),
        SectionColumn("imports", lambda one: one.imports, CellKind.NUMBER),
        SectionColumn("median", lambda one: f"{one.median:.1f} s", CellKind.NUMBER),
        SectionColumn("longest", lambda one: f"{one.longest:.1f} s", CellKind.NUMBER),
        SectionColumn("rows", lambda one: one.rows, CellKind.NUMBER),
        SectionColumn("rows in a second", lambda one: one.pace, CellKind.NUMBER),
    ),
)  # fmt: skip
