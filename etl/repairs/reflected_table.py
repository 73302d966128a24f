"""A table as the database has it, which may have more columns than ours, and its rows as documents.

Each value is written as PostgreSQL writes it, so that reading it back is exact for every type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import UserDefinedType

from etl.repairs import RepairError

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


def document(values: Mapping[str, sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """Values by name, each as text."""
    names = array([sa.literal(name, sa.Text) for name in values])
    return sa.func.jsonb_object(names, array([sa.cast(value, sa.Text) for value in values.values()]), type_=JSONB)


def steady(connection: sa.Connection) -> None:
    """Make values come out as text in one way, for this transaction."""
    connection.exec_driver_sql(STEADY)


class Restoring(sa.Insert):
    """An INSERT from a SELECT with ids of ours, also where the database gives them ("generated always")."""

    inherit_cache = True


@compiles(Restoring)
def _overriding(statement: Restoring, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_insert(statement, **options)).replace(" SELECT ", " OVERRIDING SYSTEM VALUE SELECT ", 1)


def first_of_each(rows: sa.Select[Any], by: sa.ColumnElement[Any], order: sa.ColumnElement[Any]) -> sa.Subquery:
    """The first of the rows that are alike; DISTINCT ON has another spelling in each version of SQLAlchemy."""
    place = sa.func.row_number().over(partition_by=by, order_by=order).label("place_")
    numbered = rows.add_columns(place).subquery()
    wanted = [column for column in numbered.c if column.name != "place_"]
    return sa.select(*wanted).where(numbered.c["place_"] == 1).subquery()


# A key of a table with partitions has to contain what it is partitioned by, which may change or be NULL: such rows are
# known by their id all the same, for one sequence gives it.
CATALOGUE_COLUMNS = sa.text("""
select a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attgenerated <> '' as generated,
       exists (select from pg_index i where i.indrelid = c.oid and a.attnum = any(i.indkey)
               and case c.relkind when 'p' then i.indisunique and a.attname = 'id' else i.indisprimary end) as key
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = :schema and c.relname = :name and a.attnum > 0 and not a.attisdropped
order by a.attnum
""")


@dataclass(frozen=True)
class ReflectedTable:
    """A table of the database: its columns with their types, and its primary key."""

    schema: str
    name: str
    types: dict[str, str]
    key: tuple[str, ...]
    generated: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """How the ledger calls the table."""
        return f"{self.schema}.{self.name}"

    @cached_property
    def table(self) -> sa.TableClause:
        """The table, to write statements with."""
        return sa.table(
            self.name, *(sa.column(name, Written(kind)) for name, kind in self.types.items()), schema=self.schema
        )

    def written(self, among: Iterable[str]) -> list[str]:
        """The columns that a statement can fill, of those named."""
        wanted = set(among)
        return [name for name in self.types if name in wanted and name not in self.generated]

    def document(self, row: sa.FromClause) -> sa.ColumnElement[Any]:
        """A whole row."""
        return document({name: row.c[name] for name in self.types})

    def key_of(self, row: sa.FromClause) -> sa.ColumnElement[Any]:
        """What names a row: its primary key, all of it where there is none."""
        return document({name: row.c[name] for name in self.key or self.types})

    def value(self, source: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
        """A value out of a document."""
        return sa.cast(source[name].astext, Written(self.types[name]))

    def is_row(self, row: sa.FromClause, key: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether a row is the one that a key names; by its columns, so that an index can help."""
        if not self.key:
            return self.document(row) == key
        return sa.and_(*(row.c[name] == self.value(key, name) for name in self.key))


def label_of(table: Any) -> str:
    """How the ledger calls a table of ours."""
    return f"{table.schema or 'public'}.{table.name}"


def reflect(connection: sa.Connection, wanted: Any) -> ReflectedTable:
    """The shape of a table of ours, or of one by its label; RepairError where the database has none."""
    label = wanted if isinstance(wanted, str) else label_of(wanted)
    table = find_table(connection, label)
    if table is None:
        raise RepairError(f"the database has no table {label}")
    return table


def find_table(connection: sa.Connection, label: str) -> ReflectedTable | None:
    """The shape of a table by its label, None where there is none."""
    schema, _, name = label.partition(".")
    rows = connection.execute(CATALOGUE_COLUMNS, {"schema": schema, "name": name}).all()
    if not rows:
        return None
    types = {row.attname: row.type for row in rows}
    generated = frozenset(row.attname for row in rows if row.generated)
    return ReflectedTable(schema, name, types, tuple(row.attname for row in rows if row.key), generated)
