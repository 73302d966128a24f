"""What the tables themselves demand: keys, fields that are never empty, constraints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import CheckConstraint, Table, UniqueConstraint

from etl.tables import QUALITY, metadata


def required_fields() -> Iterator[str]:
    """The section about required fields, line by line."""
    yield "## Required fields\n"
    yield "A row is known by its key. Fields that are never empty are refused by the database, the others by rules.\n"
    yield "| table | key | never empty | constraints |"
    yield "|---|---|---|---|"
    for table in sorted(metadata.sorted_tables, key=lambda table: table.name):
        if table.schema != QUALITY:
            cells = (table.name, _names(table.info["key"]), _names(_never_empty(table)), _constraints(table))
            yield f"| {' | '.join(cells)} |"


def _never_empty(table: Table) -> Iterator[str]:
    return (column.name for column in table.columns if not column.nullable and not column.primary_key)


def _constraints(table: Table) -> str:
    named = (one for one in table.constraints if isinstance(one, CheckConstraint | UniqueConstraint))
    return _names(sorted(str(constraint.name) for constraint in named))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"
