"""A review: all that a report says, before it is put into words or pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.engine.figures import Figure
from checks.review.anomalies import Anomaly
from checks.review.compliance import Kept
from checks.review.courses import Course
from checks.review.difference import Difference
from checks.review.imports import FeedReview
from checks.review.periods import Period
from checks.review.risks import Risks
from checks.review.stretches import Recurring
from checks.review.tuning import Proposal
from checks.review.values import Episode, Line, Run


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the four daily metrics with its course."""

    figure: Figure
    course: Course


@dataclass(frozen=True, slots=True)
class Part:
    """A domain or a league: its score now, and before the period; None is unknown."""

    name: str
    score: float | None
    before: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a report is made of. Sections that a kind of report does not have are empty, and None where one is a whole.

    `run` is the newest run whose score can be compared with earlier ones, `step` how it differs from the one before,
    `change` how it differs from the last one before the period.
    """

    period: Period
    run: Run | None
    step: Difference | None
    change: Difference | None
    score: Course
    domains: tuple[Part, ...]
    leagues: tuple[Part, ...]
    measures: tuple[Measure, ...]
    process: tuple[Figure, ...]
    rules: tuple[Line, ...]
    open: tuple[Episode, ...]
    feeds: tuple[FeedReview, ...] = ()
    episodes: tuple[Episode, ...] = ()
    domain_courses: tuple[Course, ...] = ()
    courses: tuple[Course, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    recurring: tuple[Recurring, ...] = ()
    kept: tuple[Kept, ...] = ()
    owners: tuple[Kept, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    risks: Risks | None = None
    remarks: tuple[str, ...] = field(default_factory=tuple)

    @property
    def trouble(self) -> tuple[Line, ...]:
        """The rules that someone should look at, worst first."""
        return tuple(line for line in self.rules if line.reading.trouble)

    @property
    def headline(self) -> str:
        """The review in one line."""
        if self.run is None:
            return "Score unknown: no health check has run"
        score = "unknown" if self.run.score is None else f"{self.run.score} of 100"
        gross = "" if self.run.gross in {None, self.run.score} else f" (gross {self.run.gross})"
        return f"Score {score}{gross}: {self.run.band}"
