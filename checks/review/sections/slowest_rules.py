"""The rules that take the most time: what to look at first when a health check becomes slow."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from checks.review.section import CellKind, Section, SectionColumn
from checks.review.values import PeriodKind, ReviewInputs

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
