"""The bad rows of one rule as a statement: their keys, and where each of them stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Select, SelectBase, and_, select, true

from checks.engine.dimensions import Dimension
from checks.engine.errors import MeasureError
from checks.engine.keys import key_columns, key_names, key_text
from checks.engine.marks import Kind
from checks.engine.plan import bad_condition
from checks.engine.questions import Question
from checks.engine.scope import Scope

Place: TypeAlias = tuple[tuple[str, Any], ...]
"""Where rows stand: dimensions with their values, such as (("league", 3), ("series", 12))."""


@dataclass(frozen=True, slots=True)
class BadRows:
    """The bad rows of a question: where they are read from, which of them are bad, and what names them."""

    source: FromClause
    names: tuple[str, ...]
    key: ColumnElement[str]
    condition: ColumnElement[bool]
    reached: tuple[tuple[Dimension, ColumnElement[Any]], ...]

    @classmethod
    def of(cls, question: Question, scope: Scope, dimensions: Sequence[Dimension]) -> BadRows:
        """Read off a question; raises MeasureError when its rows have no key, or a personal one."""
        source, own = _source(question)
        columns = key_columns(source)
        reached = [(dimension, dimension.of(source)) for dimension in dimensions]
        known = tuple((dimension, value) for dimension, value in reached if value is not None)
        condition = and_(own, scope.condition(source)) if scope else own
        return cls(source, key_names(columns), key_text(columns), condition, known)

    def columns(self) -> list[ColumnElement[Any]]:
        """The key, then the value of each dimension that these rows have."""
        values = [value.label(f"d{number}") for number, (_, value) in enumerate(self.reached)]
        return [self.key.label("key"), *values]

    def statement(self) -> Select[Any]:
        """One row for each bad row."""
        return select(*self.columns()).select_from(self.source).where(self.condition)

    def place(self, values: Sequence[Any]) -> Place:
        """The place of a row, from the values that follow its key."""
        return tuple((dimension.name, value) for (dimension, _), value in zip(self.reached, values, strict=True))


def population(question: Question) -> tuple[FromClause, ColumnElement[bool] | None] | None:
    """The rows that could have been bad, with their condition; None when the question does not say."""
    if question.check.mark.kind is Kind.FRAME:
        return question.table, None
    if isinstance(question.among, SelectBase):
        return question.among.subquery(), None
    return None if question.check.mark.kind is Kind.CHECK else (question.table, question.among)


def holds(place: Place, dimensions: Sequence[Dimension], source: FromClause) -> ColumnElement[bool] | None:
    """The condition that a row of the source stands at a place, None when it does not say."""
    by_name = {dimension.name: dimension for dimension in dimensions}
    conditions = [_holds(by_name[name], value, source) for name, value in place]
    found = [condition for condition in conditions if condition is not None]
    return and_(*found) if len(found) == len(place) else None


def _holds(dimension: Dimension, value: Any, source: FromClause) -> ColumnElement[bool] | None:
    if value is not None:
        return dimension.holds(source, value)
    own = dimension.of(source)
    return None if own is None else own.is_(None)


def _source(question: Question) -> tuple[FromClause, ColumnElement[bool]]:
    if isinstance(question.bad, SelectBase):
        # the statement has chosen the bad rows already
        return question.bad.subquery(), true()
    if question.check.mark.kind is Kind.FRAME:
        # the rule has yet to choose: all rows are read
        return question.table, true()
    if question.bad is None:
        raise MeasureError(f"{question.check.name} has no bad rows, only a value")
    return question.table, bad_condition(question)
