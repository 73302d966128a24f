"""Constraints, foreign keys, triggers and sequences as the database has them: put into force, out of the way, put back.

What refers to a table is found by the database's foreign keys and by those that our tables declare and the database
lacks. A restarted sequence takes part in the transaction: its state comes back with a rollback.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Connection, Integer, Select, cast, func, select, text
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import IntegrityError

from etl.adoption.adopt import adopt
from etl.repairs import RepairError
from etl.repairs.reflected_table import ReflectedTable, find_table, label_of
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
    adopt(connection, indexes=False)
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
    shape = find_table(connection, f"public.{name}")
    return shape is not None and any(column.name not in shape.types for column in metadata.tables[name].columns)


FOREIGN_KEY_NAMES = text("""
select format('%I.%I', n.nspname, c.relname) as owner, format('%I', k.conname) as name,
       pg_get_constraintdef(k.oid) as definition
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = k.confrelid
join pg_namespace tn on tn.oid = t.relnamespace
where k.contype = 'f' and k.conparentid = 0
  and (n.nspname || '.' || c.relname = any(:labels) or tn.nspname || '.' || t.relname = any(:labels))
order by 1, 2
""")
TRIGGERS = text("""
select format('%I.%I', n.nspname, c.relname) as owner, format('%I', g.tgname) as name, g.tgenabled as enabled
from pg_trigger g
join pg_class c on c.oid = g.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where not g.tgisinternal and g.tgenabled <> 'D' and n.nspname || '.' || c.relname = any(:labels)
order by 1, 2
""")
ENABLED = {"O": "enable trigger", "A": "enable always trigger", "R": "enable replica trigger"}


@contextmanager
def without_triggers(connection: Connection, labels: Iterable[str]) -> Iterator[None]:
    """Keep the tables' own triggers from writing while rows are put back as they were."""
    found = connection.execute(TRIGGERS, {"labels": sorted(set(labels))}).all()
    for row in found:
        connection.exec_driver_sql(f"alter table {row.owner} disable trigger {row.name}")
    yield
    for row in found:
        connection.exec_driver_sql(f"alter table {row.owner} {ENABLED[row.enabled]} {row.name}")


@contextmanager
def without_foreign_keys(connection: Connection, labels: Iterable[str]) -> Iterator[None]:
    """Drop the foreign keys of and to some tables, and put them back, checked again; RepairError where they fail."""
    found = connection.execute(FOREIGN_KEY_NAMES, {"labels": sorted(set(labels))}).all()
    for row in found:
        connection.exec_driver_sql(f"alter table {row.owner} drop constraint {row.name}")
    yield
    for row in found:
        _put_back(connection, row.owner, row.name, row.definition)


def _put_back(connection: Connection, owner: str, name: str, definition: str) -> None:
    statement = f"alter table {owner} add constraint {name} {definition}"
    try:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    except IntegrityError:
        raise RepairError(f"rows of {owner} would refer to rows that are not there any more ({name})") from None


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

    shape: ReflectedTable
    column: str


def references_to(connection: Connection, target: ReflectedTable) -> tuple[Reference, ...]:
    """Every column that refers to a table, in an order of their own."""
    names = sorted({*_of_database(connection, target), *_declared(target)})
    found = ((find_table(connection, label), column) for label, column in names)
    return tuple(Reference(shape, column) for shape, column in found if shape is not None and column in shape.types)


def require_unreferenced(connection: Connection, target: ReflectedTable, ids: Select[Any]) -> None:
    """Raise RepairError where rows refer to one of these ids: they would be lost, or lead nowhere."""
    for reference in references_to(connection, target):
        row = reference.shape.table
        count = connection.scalar(select(func.count()).select_from(row).where(row.c[reference.column].in_(ids)))
        if count:
            raise RepairError(
                f"{count:,} rows of {reference.shape.label} refer by {reference.column} to rows of {target.label}"
                " that would be removed"
            )


def _of_database(connection: Connection, target: ReflectedTable) -> Iterator[tuple[str, str]]:
    for row in connection.execute(FOREIGN_KEYS, {"schema": target.schema, "name": target.name}):
        if row.width > 1:
            raise RepairError(f"{row.label} refers to {target.label} by several columns: that cannot be followed")
        yield row.label, row.attname


def _declared(target: ReflectedTable) -> Iterator[tuple[str, str]]:
    for other in metadata.sorted_tables:
        for column in other.columns:
            if any(label_of(key.column.table) == target.label for key in column.foreign_keys):
                yield label_of(other), column.name


SEQUENCES = text("""
select n.nspname || '.' || c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_get_serial_sequence(format('%I.%I', cast(:schema as text), cast(:name as text)), :column)::regclass
""")


def names_of(connection: Connection, shape: ReflectedTable) -> list[str]:
    """The sequences that give a table's rows their key."""
    wanted = ({"schema": shape.schema, "name": shape.name, "column": key} for key in shape.key)
    return [name for one in wanted for name in connection.scalars(SEQUENCES, one)]


def state(connection: Connection, name: str) -> dict[str, Any]:
    """What a sequence gave last, and whether it did."""
    schema, _, own = name.partition(".")
    sequence = sql_table(own, sql_column("last_value", Integer), sql_column("is_called", Boolean), schema=schema)
    row = connection.execute(select(sequence)).one()
    return {"last_value": row.last_value, "is_called": row.is_called}


def held(connection: Connection, name: str) -> dict[str, Any]:
    """The state of a sequence that takes part in this transaction from now on; nobody else gets a number meanwhile."""
    before = state(connection, name)
    restart(connection, name, before)
    return state(connection, name)


def restart(connection: Connection, name: str, to: dict[str, Any]) -> None:
    """Give a sequence a state, within this transaction."""
    schema, _, own = name.partition(".")
    quote = connection.dialect.identifier_preparer.quote
    # the restart makes a new store that dies with a rollback; setval writes into that one
    connection.exec_driver_sql(f"alter sequence {quote(schema)}.{quote(own)} restart with {int(to['last_value'])}")
    where = f"{quote(schema)}.{quote(own)}"
    connection.execute(select(func.setval(cast(where, REGCLASS), int(to["last_value"]), bool(to["is_called"]))))
