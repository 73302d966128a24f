"""Two scores compared in words: "88.00 -> 81.00: -5.10 match without teams, +62 rows; ...".

`with_headlines` puts that, and the daily metrics, on top of the report of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import log
from typing import Protocol

from checks.engine.authoring.units import Measure, Status, figure_text, number_of
from checks.engine.judging.judge import Id
from checks.engine.reporting.report import Report
from checks.review.kpis import STANDARDS, daily_figures
from checks.stored import StoredResult, StoredRun

NO_POINTS, ONE_CENT = Decimal("0.00"), Decimal("0.01")
SAID = 4


class Pointed(Protocol):
    """A result with its points, of a run or out of the history."""

    @property
    def id(self) -> Id: ...
    @property
    def status(self) -> Status: ...
    @property
    def count(self) -> int | None: ...
    @property
    def value(self) -> float | None: ...
    @property
    def points(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did to the score."""

    rule: str
    parameter: str
    points: Decimal
    what: str

    def __str__(self) -> str:
        name = self.rule.replace("_", " ") + (f" in {self.parameter}" if self.parameter else "")
        return f"{self.points:+} {name}{f', {self.what}' if self.what else ''}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A score before and after, and which rules moved it; the steps add up to the whole, exactly."""

    before: Decimal | None
    after: Decimal | None
    steps: tuple[Step, ...]
    formulas: tuple[int, int] | None = None
    """The versions of the formula, where they differ: then no step can be computed."""

    @property
    def whole(self) -> Decimal | None:
        """By how much the score moved; None where one of them is unknown, or of another formula."""
        if self.before is None or self.after is None or self.formulas is not None:
            return None
        return self.after - self.before

    def __str__(self) -> str:
        before, after = (_said(score) for score in (self.before, self.after))
        if self.formulas is not None:
            old, new = self.formulas
            return f"{before} (formula {old}) -> {after} (formula {new}): scores of two formulas cannot be compared"
        if not self.steps:
            return f"{before} -> {after}: no rule moved the score" if before == after else f"{before} -> {after}"
        rest = self.steps[SAID:]
        lines = [str(step) for step in self.steps[:SAID]]
        if rest:
            lines.append(f"{sum((step.points for step in rest), NO_POINTS):+} {number_of(len(rest), 'more rules')}")
        return f"{before} -> {after}: {'; '.join(lines)}"


def score_difference(
    before: tuple[Decimal | None, Iterable[Pointed]],
    after: tuple[Decimal | None, Iterable[Pointed]],
    units: Mapping[str, Measure | None],
    formulas: tuple[int, int] | None = None,
) -> Difference:
    """Compare two runs, each a score with its results. `units` say what the values of metrics are counted in.

    `formulas` are the versions of the formula that gave the scores: under two of them no rule's part is known. A
    rule's points cannot be compared, for they shrink when others fail; its impact can, and it is in the points.
    """
    if formulas is not None and formulas[0] != formulas[1]:
        return Difference(before[0], after[0], (), formulas)
    if before[0] is None or after[0] is None:
        return Difference(before[0], after[0], ())
    old, new = ({result.id: result for result in results} for results in (before[1], after[1]))
    ids = [id_ for id_ in {**old, **new} if _moved(old.get(id_), new.get(id_))]
    scale = _mean(before[0], after[0])
    exact = {id_: scale * (_log(new.get(id_), after[0]) - _log(old.get(id_), before[0])) for id_ in ids}
    steps = [
        Step(*id_, points, _what(old.get(id_), new.get(id_), units.get(id_[0])))
        for id_, points in _in_cents(exact, after[0] - before[0]).items()
        if points
    ]
    return Difference(before[0], after[0], tuple(sorted(steps, key=lambda step: (-abs(step.points), step.rule))))


def _moved(old: Pointed | None, new: Pointed | None) -> bool:
    return old is None or new is None or _read(old) != _read(new)


def _read(result: Pointed) -> tuple[object, ...]:
    # the points of what reads the same differ by a rounded cent
    return result.status, result.count, result.value, not result.points


def _log(result: Pointed | None, score: Decimal) -> float:
    """ln(1 - d) of a rule, from its points: they share what is missing from 100 by just that."""
    if result is None or not result.points:
        return 0.0
    return float(result.points / (100 - score)) * log(max(float(score), 0.01) / 100)


def _mean(one: Decimal, other: Decimal) -> float:
    """The logarithmic mean: what turns a difference of logarithms into one of scores."""
    first, second = (max(float(score), 0.01) for score in (one, other))
    return first if first == second else (first - second) / log(first / second)


def _in_cents(exact: Mapping[Id, float], whole: Decimal) -> dict[Id, Decimal]:
    """The steps in hundredths; what rounding left over goes to the largest, so that they add up."""
    rounded = {id_: Decimal(repr(round(value, 9))).quantize(ONE_CENT) for id_, value in exact.items()}
    if rounded:
        largest = max(rounded, key=lambda id_: (abs(rounded[id_]), id_))
        rounded[largest] += whole - sum(rounded.values(), NO_POINTS)
    return rounded


def _what(old: Pointed | None, new: Pointed | None, unit: Measure | None) -> str:
    if new is None:
        return "no longer asked"
    if new.status is Status.ERROR:
        return "could not be measured"
    if new.value is not None:
        return figure_text(new.value, unit)
    if new.count is None:
        return "measured again" if old is not None and old.status is Status.ERROR else ""
    was = old.count if old is not None else None
    if was is None or was == new.count:
        return number_of(new.count, "rows")
    return number_of(new.count - was, "rows", "+")


def _said(score: Decimal | None) -> str:
    return "unknown" if score is None else str(score)


def with_headlines(report: Report, before: tuple[StoredRun, Sequence[StoredResult]] | None) -> Report:
    """The report with its figures, and with the difference to the run before, of the same selection."""
    asked = {result.rule for result in report.results}
    # a run about one domain says nothing of the metrics of others
    keys = [standard.key for standard in STANDARDS if asked & set(standard.rules)]
    figures = tuple(figure for figure in daily_figures(report.results) if figure.key in keys)
    complaints = (*report.complaints, *_no_longer_asked(report, before))
    return replace(report, figures=figures, difference=_difference(report, before), complaints=complaints)


def _no_longer_asked(report: Report, before: tuple[StoredRun, Sequence[StoredResult]] | None) -> Iterator[str]:
    """Rules that the run before, of the same selection, had and this one has not: dropped, renamed or switched off."""
    earlier = set() if before is None else {result.rule for result in before[1]}
    gone = sorted(earlier - {result.rule for result in report.results})
    if gone:
        yield f"no longer asked since the last run: {', '.join(gone)}"


def _difference(report: Report, before: tuple[StoredRun, Sequence[StoredResult]] | None) -> str:
    if before is None or report.scoped or report.another_day:
        return ""
    units = {result.rule: result.unit for result in report.results}
    formulas = before[0].formula, report.formula
    return str(score_difference((before[0].score, before[1]), (report.score, report.results), units, formulas))
