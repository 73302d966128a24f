"""Which questions share a scan. Row and metric rules of one table are asked in one SELECT, all others alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.exc import SQLAlchemyError

from checks.engine.marks import Kind
from checks.engine.questions import Question

# PostgreSQL takes 1,664 entries in a target list and 65,535 parameters in a statement
MOST_TARGETS = 1_600
MOST_PARAMETERS = 30_000
FUSED = {Kind.ROW, Kind.METRIC}


@dataclass(frozen=True, slots=True)
class Scan:
    """Row and metric questions of one table, answered by one pass over it."""

    questions: tuple[Question, ...]

    @property
    def name(self) -> str:
        """What it is called while running."""
        return self.questions[0].check.table


@dataclass(frozen=True, slots=True)
class Alone:
    """A question with statements of its own."""

    question: Question

    @property
    def questions(self) -> tuple[Question, ...]:
        """The question, as a scan would give it."""
        return (self.question,)

    @property
    def name(self) -> str:
        """What it is called while running."""
        return self.question.check.name


Unit: TypeAlias = Scan | Alone


def plan(questions: Iterable[Question]) -> tuple[Unit, ...]:
    """The units of work of a run, the scans first: they take longest."""
    asked = sorted(questions, key=lambda question: (question.check.table, question.narrowed, question.id))
    fused = [question for question in asked if question.check.mark.kind in FUSED]
    scans = [
        Scan(part) for _, group in groupby(fused, lambda q: (id(q.table), q.narrowed)) for part in _split(list(group))
    ]
    return (*scans, *(Alone(question) for question in asked if question.check.mark.kind not in FUSED))


def bad_condition(question: Question) -> ColumnElement[bool]:
    """The condition of a row that is counted as bad."""
    bad: Any = question.bad
    among: Any = question.among
    condition: ColumnElement[bool] = bad if among is None else and_(bad, among)
    return condition


def targets(question: Question) -> tuple[ColumnElement[Any], ...]:
    """The aggregates that answer a row rule (bad rows, all rows) or a metric."""
    if question.metric is not None:
        return (question.metric,)
    total = func.count() if question.among is None else func.count().filter(question.among)  # type: ignore[arg-type]
    return func.count().filter(bad_condition(question)), total


def _split(questions: Sequence[Question]) -> Iterator[tuple[Question, ...]]:
    part: list[Question] = []
    weight = (0, 0)
    for question in questions:
        own = len(targets(question)), _parameters(question)
        if part and (weight[0] + own[0] > MOST_TARGETS or weight[1] + own[1] > MOST_PARAMETERS):
            yield tuple(part)
            part, weight = [], (0, 0)
        part.append(question)
        weight = weight[0] + own[0], weight[1] + own[1]
    yield tuple(part)


def _parameters(question: Question) -> int:
    try:
        found = [target.compile().params.values() for target in targets(question)]
    except SQLAlchemyError:  # it will fail on its own, and there the error lands on its rule
        return 0
    return sum(len(value) if isinstance(value, (list, tuple)) else 1 for values in found for value in values)
