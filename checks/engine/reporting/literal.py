"""A statement as text that can be pasted into psql, every value in its place."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Any

from psycopg.sql import Literal
from psycopg.types.json import Jsonb
from sqlalchemy import JSON, BindParameter, literal_column, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from checks.engine.authoring.spec import Kind
from checks.engine.judging.bad_rows import BadRows
from checks.engine.judging.findings import key_columns
from checks.engine.measuring.compile_queries import Query, Together
from checks.engine.measuring.scope import Scope

# "named" and not psycopg's own style, in which every % would be doubled
DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# SQLAlchemy learns at its first connection that a backslash in a string is just that, and doubles it until then
DIALECT._backslash_escapes = False


def runnable_sql(statement: ClauseElement) -> str:
    """The text of a statement with its values written out."""
    # a statement is looked through in a fifth of the time that it takes to be copied, and few hold such a value
    odd = any(_odd(element) is not None for element in iterate(statement))
    plain: Any = replacement_traverse(statement, {}, _odd) if odd else statement
    try:
        return _text(plain)
    except (SQLAlchemyError, NotImplementedError):  # a type that SQLAlchemy cannot write; psycopg can
        return _text(replacement_traverse(plain, {}, _written))


def readable_sql(query: Query, scope: Scope) -> str:
    """The SQL that lists the bad rows of a query, or that reads the value of a metric."""
    scope = scope.of(narrowed=query.narrowed)
    kind = query.check.mark.kind
    if kind is Kind.METRIC:
        value: Any = query.metric
        plain = select(value.label(query.check.name)).select_from(query.table)
        return runnable_sql(plain.where(scope.condition(query.table)) if scope else plain)
    if kind is Kind.CHECK:
        return _listing_sql(query, scope)
    if kind is Kind.FRAME:
        named = [query.table.c[name] for name in query.check.mark.columns]
        columns = dict.fromkeys([*key_columns(query.table), *named])
        return f"-- judged in pandas, row by row:\n{runnable_sql(select(*columns).select_from(query.table))}"
    rows = BadRows.of(query, scope, ())
    return runnable_sql(select(*key_columns(query.table)).select_from(query.table).where(rows.condition))


@lru_cache(maxsize=8)
def _all_at_once(together: Together) -> str:
    """What the queries for 400 leagues have in common, written once."""
    return runnable_sql(together.bad)


def _listing_sql(query: Query, scope: Scope) -> str:
    statement: Any = query.bad
    if scope:
        rows = statement.subquery()
        return runnable_sql(select(*rows.c).where(scope.condition(rows)))
    if query.together is None:
        return runnable_sql(statement)
    own = query.together.bad.selected_columns[query.together.by] == query.parameter.value
    return f"{_all_at_once(query.together)} \nWHERE {runnable_sql(own)}"


def _text(statement: Any) -> str:
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


def _odd(element: Any, **_: Any) -> Any:
    """Values that SQLAlchemy writes, but not so that PostgreSQL takes them: NaN, infinity, bytes, JSON."""
    if not isinstance(element, BindParameter) or element.expanding:
        return None
    value = element.effective_value
    if isinstance(value, (dict, list)) and isinstance(element.type, JSON):
        return literal_column(Literal(Jsonb(value)).as_string())
    if isinstance(value, (bytes, bytearray)) or (isinstance(value, float) and not isfinite(value)):
        return literal_column(Literal(value).as_string())
    return None


def _written(element: Any, **_: Any) -> Any:
    if not isinstance(element, BindParameter):
        return None
    value = element.effective_value
    if element.expanding:
        return literal_column(f"({', '.join(Literal(item).as_string() for item in value or [None])})")
    return literal_column(Literal(value).as_string())
