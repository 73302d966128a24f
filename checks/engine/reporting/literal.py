"""A statement as text that can be pasted into psql, every value in its place."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Any

from psycopg.sql import Literal
from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Column, FunctionElement, literal, literal_column, select
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.elements import ClauseElement, FunctionFilter

from checks.engine.authoring.spec import Kind
from checks.engine.judging.bad_rows import BadRows
from checks.engine.judging.findings import key_columns
from checks.engine.measuring.compile_queries import Query, Together
from checks.engine.measuring.scope import Scope, mark_of_value


class _WrittenOut(PGCompiler):
    """Writes values into the text, also those that SQLAlchemy cannot write, or not so that PostgreSQL takes them."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """A value as a literal."""
        if isinstance(value, (dict, list)) and isinstance(type_, JSON):
            return Literal(Jsonb(value)).as_string()
        if isinstance(value, (bytes, bytearray)) or (isinstance(value, float) and not isfinite(value)):
            return Literal(value).as_string()
        try:
            return str(super().render_literal_value(value, type_))  # type: ignore[no-untyped-call]
        except (SQLAlchemyError, NotImplementedError):  # a type that SQLAlchemy cannot write; psycopg can
            return Literal(value).as_string()


# "named" and not psycopg's own style, in which every % would be doubled
DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# SQLAlchemy learns at its first connection that a backslash in a string is just that, and doubles it until then
DIALECT._backslash_escapes = False
DIALECT.statement_compiler = _WrittenOut


def runnable_sql(statement: ClauseElement) -> str:
    """The text of a statement with its values written out."""
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


def readable_sql(query: Query, scope: Scope) -> str:
    """The SQL that lists the bad rows of a query, or that reads the value of a metric."""
    scope = scope.of(narrowed=query.narrowed)
    text = query.once(("text", scope.shape), lambda: _text(query, scope.with_marks()))
    for name, value in scope.named.items():
        text = text.replace(mark_of_value(name), _written_out(value))
    return text


def remember_sql(query: Query, text: str) -> None:
    """Take a text for that of a query about all rows: who has it already need not have it written."""
    query.once(("text", Scope().of(narrowed=query.narrowed).shape), lambda: text)


def _text(query: Query, scope: Scope) -> str:
    """The same, with marks where the values of the scope belong."""
    kind = query.check.mark.kind
    if kind is Kind.METRIC:
        return _value_sql(query, scope)
    if kind is Kind.CHECK:
        return _listing_sql(query, scope)
    if kind is Kind.FRAME:
        named = [query.table.c[name] for name in query.check.mark.columns]
        columns = dict.fromkeys([*key_columns(query.table), *named])
        return f"-- judged in pandas, row by row:\n{runnable_sql(select(*columns).select_from(query.table))}"
    rows = BadRows.of(query, scope, ())
    return runnable_sql(select(*key_columns(query.table)).select_from(query.table).where(rows.condition))


@lru_cache(maxsize=64, typed=True)
def _written_out(value: Any) -> str:
    return runnable_sql(literal(value))


def _value_sql(query: Query, scope: Scope) -> str:
    metric: Any = query.metric
    by = query.check.all_at_once
    if by and not scope and isinstance(metric, FunctionFilter):
        text = _metric_at_once(metric.func, query.check.name, query.table.c[by])
        return text.replace(mark_of_value(by), _written_out(query.parameter.value))
    own = scope.figure(metric, query.table)
    plain = select(own.label(query.check.name)).select_from(query.table)
    return runnable_sql(plain.where(scope.condition(query.table)) if scope else plain)


@lru_cache(maxsize=8)
def _metric_at_once(metric: FunctionElement[Any], name: str, by: Column[Any]) -> str:
    """What the queries of a metric for 400 leagues have in common, written once; a mark stands for the league."""
    own = metric.filter(by == literal_column(mark_of_value(by.name)))
    return runnable_sql(select(own.label(name)).select_from(by.table))


@lru_cache(maxsize=8)
def _all_at_once(together: Together) -> str:
    """The same of a statement."""
    own = together.bad.selected_columns[together.by] == literal_column(mark_of_value(together.by))
    return f"{runnable_sql(together.bad)} \nWHERE {runnable_sql(own)}"


def _listing_sql(query: Query, scope: Scope) -> str:
    statement: Any = query.bad
    if scope:
        rows = statement.subquery()
        return runnable_sql(select(*rows.c).where(scope.condition(rows)))
    if query.together is None:
        return runnable_sql(statement)
    text = _all_at_once(query.together)
    return text.replace(mark_of_value(query.together.by), _written_out(query.parameter.value))
