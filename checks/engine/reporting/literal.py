"""A statement as text that can be pasted into psql, every value in its place."""

from __future__ import annotations

from typing import Any

from psycopg.sql import Literal
from sqlalchemy import BindParameter, literal_column, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.visitors import replacement_traverse

from checks.engine.authoring.spec import Kind
from checks.engine.judging.bad_rows import BadRows
from checks.engine.judging.findings import key_columns
from checks.engine.measuring.compile_queries import Question
from checks.engine.measuring.scope import Scope

# "named" and not psycopg's own style, in which every % would be doubled
DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# SQLAlchemy learns at its first connection that a backslash in a string is just that, and doubles it until then
DIALECT._backslash_escapes = False


def runnable(statement: ClauseElement) -> str:
    """The text of a statement with its values written out."""
    try:
        return _text(statement)
    except (SQLAlchemyError, NotImplementedError):  # a type that SQLAlchemy cannot write; psycopg can
        return _text(replacement_traverse(statement, {}, _written))


def shown(question: Question, scope: Scope) -> str:
    """The SQL that lists the bad rows of a question, or that reads the value of a metric."""
    scope = scope.of(narrowed=question.narrowed)
    kind = question.check.mark.kind
    if kind is Kind.METRIC:
        value: Any = question.metric
        plain = select(value.label(question.check.name)).select_from(question.table)
        return runnable(plain.where(scope.condition(question.table)) if scope else plain)
    if kind is Kind.CHECK:
        return runnable(_narrowed(question, scope))
    if kind is Kind.FRAME:
        named = [question.table.c[name] for name in question.check.mark.columns]
        columns = dict.fromkeys([*key_columns(question.table), *named])
        return f"-- judged in pandas, row by row:\n{runnable(select(*columns).select_from(question.table))}"
    rows = BadRows.of(question, scope, ())
    return runnable(select(*key_columns(question.table)).select_from(question.table).where(rows.condition))


def _narrowed(question: Question, scope: Scope) -> Any:
    statement: Any = question.bad
    if not scope:
        return statement
    rows = statement.subquery()
    return select(*rows.c).where(scope.condition(rows))


def _text(statement: Any) -> str:
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


def _written(element: Any, **_: Any) -> Any:
    if not isinstance(element, BindParameter):
        return None
    value = element.effective_value
    if element.expanding:
        return literal_column(f"({', '.join(Literal(item).as_string() for item in value or [None])})")
    return literal_column(Literal(value).as_string())
