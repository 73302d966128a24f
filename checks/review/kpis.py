"""The four daily metrics of the data quality standards, which stand on top of every check and every report.

Each is the bad rows of some rules among the rows that they look at, held against the target of a named threshold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from checks.engine.authoring.thresholds import Above
from checks.engine.authoring.units import Figure, Measure
from checks.rules.thresholds import DUPLICATES, MISSING_TEAMS, NULL_IDS, ORPHANS


class Counted(Protocol):
    """A result, of a run or out of the history."""

    @property
    def rule(self) -> str: ...
    @property
    def parameter(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def count(self) -> int | None: ...
    @property
    def total(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Standard:
    """One metric: the bad rows of some rules among all rows. A `coverage` is what is not bad."""

    key: str
    title: str
    threshold: Above
    rules: tuple[str, ...]
    coverage: bool = False

    @property
    def target(self) -> float:
        """What the standards want."""
        limit = self.threshold.target
        assert limit is not None  # noqa: S101 - a test keeps it so
        return 1 - limit.value if self.coverage else limit.value

    def of(self, results: Iterable[Counted]) -> Figure:
        """The metric by these results; unknown where none of its rules was measured."""
        counted = [result for result in results if result.rule in self.rules and not result.parameter]
        rate = pooled(counted)
        unmeasured = sorted(set(self.rules) - {result.rule for result in counted if result.count is not None})
        return Figure(
            key=self.key, title=self.title, value=1 - rate if self.coverage and rate is not None else rate,
            unit=Measure.PERCENT, target=self.target, at_least=self.coverage,
            detail=f"without {', '.join(unmeasured)}" if unmeasured and rate is not None else "",
        )  # fmt: skip


STANDARDS = (
    Standard("schedule_coverage", "Schedule coverage", MISSING_TEAMS, ("team_without_schedule",), coverage=True),
    Standard(
        "rows_without_team_ids", "Rows without team ids", NULL_IDS, ("match_without_teams", "match_with_one_team")
    ),
    Standard(
        "duplicate_rate", "Duplicate rate", DUPLICATES,
        ("duplicate_match", "duplicate_player", "duplicate_result", "duplicate_standing", "duplicate_team",
         "fixture_under_two_names", "twin_team"),
    ),
    Standard(
        "orphan_rate", "Orphan rate", ORPHANS,
        ("match_of_unknown_league", "match_of_unknown_team", "player_of_unknown_team", "rating_without_player",
         "result_of_unknown_team", "standing_of_unknown_team", "team_of_unknown_club", "team_of_unknown_league",
         "team_of_unknown_series"),
    ),
)  # fmt: skip


def daily_figures(results: Iterable[Counted]) -> tuple[Figure, ...]:
    """The four metrics by the results of one run."""
    listed = tuple(results)
    return tuple(standard.of(listed) for standard in STANDARDS)


def pooled(results: Iterable[Counted]) -> float | None:
    """The bad rows of all rules among the rows of all domains; None without rows.

    Rules of one domain look at the same rows, each at those that concern it: the largest total stands for them all.
    """
    bad = 0
    totals: dict[str, int] = {}
    for result in results:
        if result.count is not None and result.total:
            bad += result.count
            totals[result.domain] = max(totals.get(result.domain, 0), result.total)
    return min(1.0, bad / sum(totals.values())) if totals else None
