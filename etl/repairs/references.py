"""Who refers to a table: by a foreign key of the database, or by one that our tables declare and the database lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select, text

from etl.repairs.errors import RepairError
from etl.repairs.shape import Shape, find_shape, label_of
from etl.tables import metadata

FOREIGN_KEYS = text("""
select n.nspname || '.' || c.relname as label, a.attname, cardinality(k.conkey) as width
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
join pg_class target on target.oid = k.confrelid
join pg_namespace space on space.oid = target.relnamespace
where k.contype = 'f' and space.nspname = :schema and target.relname = :name and k.conparentid = 0
""")


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that refers to the ids of another table."""

    shape: Shape
    column: str


def references_to(connection: Connection, target: Shape) -> tuple[Reference, ...]:
    """Every column that refers to a table, in an order of their own."""
    names = sorted({*_of_database(connection, target), *_declared(target)})
    found = ((find_shape(connection, label), column) for label, column in names)
    return tuple(Reference(shape, column) for shape, column in found if shape is not None and column in shape.types)


def require_unreferenced(connection: Connection, target: Shape, ids: Select[Any]) -> None:
    """Raise RepairError where rows refer to one of these ids: they would be lost, or lead nowhere."""
    for reference in references_to(connection, target):
        row = reference.shape.table
        count = connection.scalar(select(func.count()).select_from(row).where(row.c[reference.column].in_(ids)))
        if count:
            raise RepairError(
                f"{count:,} rows of {reference.shape.label} refer by {reference.column} to rows of {target.label}"
                " that would be removed"
            )


def _of_database(connection: Connection, target: Shape) -> Iterator[tuple[str, str]]:
    for row in connection.execute(FOREIGN_KEYS, {"schema": target.schema, "name": target.name}):
        if row.width > 1:
            raise RepairError(f"{row.label} refers to {target.label} by several columns: that cannot be followed")
        yield row.label, row.attname


def _declared(target: Shape) -> Iterator[tuple[str, str]]:
    for other in metadata.sorted_tables:
        for column in other.columns:
            if any(label_of(key.column.table) == target.label for key in column.foreign_keys):
                yield label_of(other), column.name
