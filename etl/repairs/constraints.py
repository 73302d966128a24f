"""Constraints as the database has them, put into force and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from etl.adopt import adopt
from etl.repairs.errors import RepairError
from etl.repairs.shape import find_shape
from etl.tables import QUALITY, metadata

DEFINITIONS = text("""
select n.nspname || '.' || c.relname as label, k.conname, pg_get_constraintdef(k.oid) as definition
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relname = any(:names) and k.contype in ('c', 'f', 'u')
""")


@dataclass(frozen=True, slots=True)
class Altered:
    """A constraint that was added or validated: its definition before and after, None where there was none."""

    table: str
    name: str
    before: str | None
    after: str | None

    @property
    def documents(self) -> tuple[dict[str, str] | None, dict[str, str] | None]:
        """Both definitions as the ledger keeps them."""
        return tuple({"definition": text} if text else None for text in (self.before, self.after))  # type: ignore[return-value]


def adopted(connection: Connection) -> Iterator[Altered]:
    """Put our constraints into force as far as the rows allow, and tell what came of it."""
    names = [table.name for table in metadata.sorted_tables if table.schema != QUALITY]
    lacking = [name for name in names if _lacks_columns(connection, name)]
    if lacking:
        raise RepairError(f"{', '.join(lacking)} lacks columns: run `rally-health init` first")
    before = definitions(connection, names)
    adopt(connection)
    after = definitions(connection, names)
    for table, name in sorted(before.keys() | after.keys()):
        if before.get((table, name)) != after.get((table, name)):
            yield Altered(table, name, before.get((table, name)), after.get((table, name)))


def definitions(connection: Connection, names: list[str]) -> dict[tuple[str, str], str]:
    """The definitions of all constraints of some tables of the platform, by table and name."""
    rows = connection.execute(DEFINITIONS, {"names": names})
    return {(row.label, row.conname): row.definition for row in rows}


def put_back(connection: Connection, label: str, name: str, before: dict[str, Any] | None, now: bool) -> None:
    """Give a constraint the definition it had; `now` says that there is one to be dropped."""
    quote = connection.dialect.identifier_preparer.quote
    schema, _, table = label.partition(".")
    target = f"alter table {quote(schema)}.{quote(table)}"
    if now:
        connection.exec_driver_sql(f"{target} drop constraint {quote(name)}")
    if before:
        # the definition is PostgreSQL's own text; a % in it would be taken for a parameter
        connection.exec_driver_sql(f"{target} add constraint {quote(name)} {before['definition']}".replace("%", "%%"))


def _lacks_columns(connection: Connection, name: str) -> bool:
    shape = find_shape(connection, f"public.{name}")
    return shape is not None and any(column.name not in shape.types for column in metadata.tables[name].columns)
