"""Rows as documents: each value as PostgreSQL writes it, so that reading it back is exact for every type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Select, Subquery, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import UserDefinedType

# values are compared as text, so what a session or a role may have set must not matter
STEADY = (
    "set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1; "
    "set local bytea_output = 'hex'"
)


class Written(UserDefinedType[Any]):
    """A type under the name that PostgreSQL gives it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """The type in SQL."""
        return self.name


def document(values: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """Values by name, each as text."""
    names = array([literal(name, Text) for name in values])
    return func.jsonb_object(names, array([cast(value, Text) for value in values.values()]), type_=JSONB)


def steady(connection: Connection) -> None:
    """Make values come out as text in one way, for this transaction."""
    connection.exec_driver_sql(STEADY)


class Restoring(Insert):
    """An INSERT from a SELECT with ids of ours, also where the database gives them ("generated always")."""

    inherit_cache = True


@compiles(Restoring)
def _overriding(statement: Restoring, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_insert(statement, **options)).replace(" SELECT ", " OVERRIDING SYSTEM VALUE SELECT ", 1)


def first_of_each(rows: Select[Any], by: ColumnElement[Any], order: ColumnElement[Any]) -> Subquery:
    """The first of the rows that are alike; DISTINCT ON has another spelling in each version of SQLAlchemy."""
    place = func.row_number().over(partition_by=by, order_by=order).label("place_")
    numbered = rows.add_columns(place).subquery()
    wanted = [column for column in numbered.c if column.name != "place_"]
    return select(*wanted).where(numbered.c["place_"] == 1).subquery()
