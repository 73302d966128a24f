"""A report is its sections: what a section is, how the sections are found, and the report that is put together of them.

A section is one value that says everything about it: in which reports it stands, from which figures, under which title
and anchor, and how its rows look. Text, page, navigation, e-mail and JSON are loops over the sections, so a section
that is declared in a file of `checks/review/sections` is in all of them, and cannot be forgotten in one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Generic, TypeVar

from checks.documents import plain_value
from checks.engine.authoring.thresholds import FEWEST_FOR_DROP, FEWEST_FOR_OUTLIER, Drop, Outlier
from checks.engine.authoring.units import Status, number_of
from checks.engine.collecting.rules import Rules
from checks.review.difference import Difference, score_difference
from checks.review.time_series import TimeSeries, comparable_runs, score_series
from checks.review.values import Book, Period, PeriodKind, ReviewInputs
from checks.stored import StoredResult, StoredRun

R = TypeVar("R")
SECTIONS_PACKAGE = "checks.review.sections"


class Layout(StrEnum):
    """How the rows of a section stand on a page; each is a macro of that name in `html/sections.html.j2`."""

    TABLE = "rows_table"
    FIGURES = "figure_cards"
    BARS = "score_bars"
    RESULTS = "result_cards"
    PLOTS = "plot_grid"
    FACTS = "fact_list"


class CellKind(StrEnum):
    """What a cell of a table is: the name of its row, text, a number, something of less weight, a coloured word."""

    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    MUTED = "muted"
    BADGE = "badge"


@dataclass(frozen=True, slots=True)
class SectionColumn(Generic[R]):
    """One column of a section's table; None and "" leave the cell empty.

    `to` is the kind and the key of what the cell leads to on the operator's page, such as ("rule", "twin_team").
    """

    title: str
    value: Callable[[R], object]
    cell: CellKind = CellKind.TEXT
    to: Callable[[R], tuple[Any, ...] | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Generic[R]):
    """One section of the reports.

    `key` names it in JSON, `anchor` on the page; `place` is where it stands, in the order of numbers. `shortest` is the
    shortest report that has it. A page shows `empty` where there are no rows; text and mail leave the section out. At
    most `most` rows are shown, the rest is counted. Without `line` a row is written as text by its columns, and without
    `document` the rows are written to JSON as they are. `to` is what a row leads to where the layout has no columns.
    """

    key: str
    anchor: str
    title: str
    place: int
    empty: str
    rows: Callable[[ReviewInputs], Sequence[R]]
    navigation: str = ""
    shortest: PeriodKind = PeriodKind.DAILY
    columns: tuple[SectionColumn[R], ...] = ()
    layout: Layout = Layout.TABLE
    caption: str = ""
    most: int = 60
    line: Callable[[R], str] | None = None
    to: Callable[[R], tuple[Any, ...]] | None = None
    document: Callable[[Sequence[R]], Any] = plain_value

    def text_of(self, row: R) -> str:
        """A row on one line: "twin_team: 0.1 seconds, 59 runs"."""
        if self.line is not None:
            return self.line(row)
        name, *others = [(column.title, column.value(row)) for column in self.columns]
        return f"{name[1]}: " + ", ".join(f"{title} {value}" for title, value in others if value not in {None, ""})


@cache
def all_sections() -> tuple[Section[Any], ...]:
    """The sections that the files of the package declare, in the order in which they stand in a report."""
    package = importlib.import_module(SECTIONS_PACKAGE)
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__, f"{SECTIONS_PACKAGE}."))
    declared = [value for name in names for value in vars(importlib.import_module(name)).values()]
    sections = {section.key: section for section in declared if isinstance(section, Section)}
    return tuple(sorted(sections.values(), key=lambda section: section.place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a report is made of: what stands on top of it, and the rows of each of its sections by key.

    `run` is the newest run whose score can be compared with earlier ones, `step` how it differs from the one before,
    `change` how it differs from the last one before the period.
    """

    period: Period
    run: StoredRun | None
    step: Difference | None
    change: Difference | None
    score: TimeSeries
    remarks: tuple[str, ...]
    rows: Mapping[str, tuple[Any, ...]]

    def of(self, section: Section[R]) -> tuple[R, ...]:
        """The rows of a section; none where this kind of report does not have it."""
        return self.rows.get(section.key, ())

    @property
    def sections(self) -> tuple[Section[Any], ...]:
        """The sections of this kind of report, those without rows too."""
        return tuple(section for section in all_sections() if section.key in self.rows)

    @property
    def headline(self) -> str:
        """The report in one line."""
        if self.run is None:
            return "Score unknown: no health check has run"
        score = "unknown" if self.run.score is None else f"{self.run.score} of 100"
        gross = "" if self.run.gross in {None, self.run.score} else f" (gross {self.run.gross})"
        return f"Score {score}{gross}: {self.run.band}"

    @property
    def changes(self) -> tuple[tuple[str, Difference], ...]:
        """How the score differs from earlier ones, each with the name of what it is compared with."""
        compared = (("Since the last run", self.step), ("Since before this period", self.change))
        return tuple((name, difference) for name, difference in compared if difference is not None)


def review(book: Book, rules: Rules, period: Period) -> Review:
    """The report about a period, a function of what was read and of the rules as they are."""
    inputs = ReviewInputs(book, rules, period, comparable_runs(book))
    sections = [section for section in all_sections() if period.kind.includes(section.shortest)]
    return Review(
        period=period,
        run=inputs.newest,
        step=difference_from(inputs, inputs.runs[-2] if len(inputs.runs) > 1 else None),
        change=difference_from(inputs, inputs.before),
        score=score_series(inputs.runs, period.until),
        remarks=tuple(_remarks(inputs)),
        rows={section.key: tuple(section.rows(inputs)) for section in sections},
    )


def difference_from(inputs: ReviewInputs, before: StoredRun | None) -> Difference | None:
    """How the newest score differs from that of an earlier run, by rules; None where one of the two is missing."""
    after = inputs.newest
    if before is None or after is None:
        return None
    units = {name: getattr(rule.threshold, "unit", None) for name, rule in inputs.rules.items()}
    scores = [(run.score, _results(inputs.book, run)) for run in (before, after)]
    return score_difference(scores[0], scores[1], units, (before.formula, after.formula))


def _results(book: Book, run: StoredRun) -> list[StoredResult]:
    return [result for results in book.results.values() for result in results if result.run == run.id]


def _remarks(inputs: ReviewInputs) -> Iterator[str]:
    if inputs.newest is None:
        yield "no health check has run: rally-health check"
    yield from too_short(inputs)
    yield from _left_out(inputs)
    gone = sorted({result.rule for result in inputs.book.latest} - set(inputs.rules))
    if gone:
        yield f"no longer asked, for no rule has the name any more: {', '.join(gone)}"
    unmeasured = [result.title for result in inputs.book.latest if result.status is Status.ERROR]
    if unmeasured:
        yield f"could not be measured: {', '.join(unmeasured)}"


def too_short(inputs: ReviewInputs) -> Iterator[str]:
    """Sentences about rules that judge a metric on its baseline and have too little of it to fire."""
    for rule in inputs.rules.values():
        fewest = {Drop: FEWEST_FOR_DROP, Outlier: FEWEST_FOR_OUTLIER}.get(type(rule.threshold))
        if fewest is None:
            continue
        # the newest reading is the one that is judged
        results = inputs.book.results.get((rule.name, ""), ())
        earlier = max(0, sum(result.value is not None and not result.accepted for result in results) - 1)
        if earlier < fewest:
            yield f"{rule.name} cannot fire yet: it needs {fewest} earlier readings to compare with, and has {earlier}"


def _left_out(inputs: ReviewInputs) -> Iterator[str]:
    """Which runs of the period are not compared with others, and why."""
    reasons = Counter(run.apart for run in inputs.book.apart if inputs.period.covers(run.at))
    for reason, count in sorted(reasons.items()):
        yield f"left out: {number_of(count, 'runs')} {reason}"
    widest = inputs.newest.selection if inputs.newest is not None else None
    others = [run for run in inputs.book.runs if run.selection != widest and inputs.period.covers(run.at)]
    if others:
        yield (
            f"{number_of(len(others), 'runs')} of other selections than {widest}: their results"
            " count for their rules, their scores are not compared"
        )
