"""User feedback: what people complained of, which rule had seen it before they did, and where no rule looks."""

from __future__ import annotations

from dataclasses import dataclass

from checks.engine.authoring.units import Measure, figure_text, number_of
from checks.feedback import Complaint, Noticed, unseen_first
from checks.review.section import CellKind, Section, SectionColumn
from checks.review.values import PeriodKind, ReviewInputs

HOUR_SECONDS = 3_600


def _complaints(inputs: ReviewInputs) -> tuple[Complaint, ...]:
    """Those of the period; what no rule had seen stands first, for it teaches most."""
    return tuple(unseen_first([each for each in inputs.book.complaints if inputs.period.covers(each.at)]))


def _lead(each: Complaint) -> str:
    """How long before or after the complaint the rule saw it."""
    if each.seen_at is None:
        return ""
    hours = (each.at - each.seen_at).total_seconds() / HOUR_SECONDS
    return f"{figure_text(abs(hours), Measure.HOURS)} {'before' if hours >= 0 else 'after'}"


def _line(each: Complaint) -> str:
    rule = f" ({each.rule} #{each.incident}, {_lead(each)})" if each.rule else ""
    return f"#{each.id} {each.at:%Y-%m-%d %H:%M} {each.about}: seen {each.noticed}{rule}"


@dataclass(frozen=True, slots=True)
class HeardLeague:
    """The complaints of one league, by whether a rule had seen what they are about."""

    league: str
    complaints: int
    before: int
    after: int
    never: int
    unseen: tuple[int, ...]

    def __str__(self) -> str:
        unseen = f": {', '.join(f'#{number}' for number in self.unseen)}" if self.unseen else ""
        return (
            f"{self.league}: {number_of(self.complaints, 'complaints')}, {self.before} seen before, {self.after} only"
            f" after, {self.never} by no rule{unseen}"
        )


def _leagues(inputs: ReviewInputs) -> tuple[HeardLeague, ...]:
    """The leagues that people complained of, the one with the most that no rule had seen first."""
    leagues: dict[str, list[Complaint]] = {}
    for each in _complaints(inputs):
        leagues.setdefault(each.league, []).append(each)
    rows = [_counted(league, complaints) for league, complaints in leagues.items()]
    return tuple(sorted(rows, key=lambda row: (-row.never, -row.after, -row.complaints, row.league)))


def _counted(league: str, complaints: list[Complaint]) -> HeardLeague:
    before, after, never = ([each.id for each in complaints if each.noticed is noticed] for noticed in Noticed)
    return HeardLeague(league, len(complaints), len(before), len(after), len(never), tuple(never))


COMPLAINTS = Section(
    key="feedback", anchor="feedback", title="User feedback", navigation="Feedback", place=146,
    shortest=PeriodKind.WEEKLY, empty="Nobody complained.", rows=_complaints,
    caption="Complaints of this period, those that no rule had seen first; their words are in the database alone",
    columns=(
        SectionColumn("complaint", lambda each: f"#{each.id}", CellKind.NAME),
        SectionColumn("noticed", lambda each: f"{each.at:%Y-%m-%d %H:%M}"),
        SectionColumn("league", lambda each: each.league, to=lambda each: ("league", each.league)),
        SectionColumn("team", lambda each: each.team),
        SectionColumn("seen", lambda each: each.noticed.value),
        SectionColumn(
            "incident", lambda each: f"{each.rule} #{each.incident}" if each.incident else "",
            to=lambda each: ("incident", each.incident) if each.incident else None,
        ),
        SectionColumn("lead", _lead, CellKind.MUTED),
    ),
    line=_line,
)  # fmt: skip

BLIND_LEAGUES = Section(
    key="feedback_leagues", anchor="feedback-leagues", title="What people found before the rules",
    navigation="Unseen", place=147, shortest=PeriodKind.WEEKLY, empty="Nobody complained.", rows=_leagues,
    caption="Complaints by league; a rule is missing where some were seen by none",
    columns=(
        SectionColumn("league", lambda row: row.league, CellKind.NAME, to=lambda row: ("league", row.league)),
        SectionColumn("complaints", lambda row: row.complaints, CellKind.NUMBER),
        SectionColumn("seen before", lambda row: row.before, CellKind.NUMBER),
        SectionColumn("only after", lambda row: row.after, CellKind.NUMBER),
        SectionColumn("by no rule", lambda row: row.never, CellKind.NUMBER),
        SectionColumn("unseen", lambda row: ", ".join(f"#{number}" for number in row.unseen), CellKind.MUTED),
    ),
    line=str,
)  # fmt: skip
