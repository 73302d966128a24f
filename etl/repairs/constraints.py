"""Constraints, foreign keys, triggers and sequences as the database has them: put into force, out of the way, put back.

What refers to a table is found by the database's foreign keys and by those that our tables declare and the database
lacks. A restarted sequence takes part in the transaction: its state comes back with a rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Boolean, Connection, Integer, Row, Select, cast, exists, func, select, text
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import IntegrityError

from etl.adoption.adopt import adopt
from etl.adoption.catalogue import platform_tables
from etl.database import sqlstate
from etl.repairs import RepairError
from etl.repairs.reflected_table import ReflectedTable, find_table, label_of
from etl.tables import metadata
from etl.words import number_of

R = TypeVar("R")
FOREIGN_KEY_VIOLATION = "23503"
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
    names = platform_tables()
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
        # the definition is PostgreSQL's own text; a % in it would be taken for a parameter, one in a name is quoted
        definition = before["definition"].replace("%", "%%")
        connection.exec_driver_sql(f"{target} add constraint {quote(name)} {definition}")


FOREIGN_KEY_NAMES = text("""
select n.nspname || '.' || c.relname as child, tn.nspname || '.' || t.relname as parent,
       format('%I.%I', n.nspname, c.relname) as owner, format('%I', k.conname) as name,
       pg_get_constraintdef(k.oid) as definition, cardinality(k.conkey) as width, a.attname as column
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = k.confrelid
join pg_namespace tn on tn.oid = t.relnamespace
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conparentid = 0
  and (n.nspname || '.' || c.relname = any(:labels) or tn.nspname || '.' || t.relname = any(:labels))
order by 3, 4
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
    triggers = connection.execute(TRIGGERS, {"labels": sorted(set(labels))}).all()
    for row in triggers:
        _run(connection, f"alter table {row.owner} disable trigger {row.name}")
    yield
    for row in triggers:
        _run(connection, f"alter table {row.owner} {ENABLED[row.enabled]} {row.name}")


def _run(connection: Connection, statement: str) -> None:
    """Run PostgreSQL's own text, in which a % is just that: in a name, or in a definition."""
    connection.exec_driver_sql(statement.replace("%", "%%"))


Removed = Callable[[str], Select[Any]]
"""The ids that were removed from a table, by its label."""


def beside_foreign_keys(connection: Connection, labels: Iterable[str], write: Callable[[], R], removed: Removed) -> R:
    """Write rows as they were once; with foreign keys in force where that is possible, without them where it is not.

    An id that was dead before and is dead again is no obstacle: the key is put back NOT VALID then, which is the truth
    that the catalogue did not tell. Raises RepairError where rows would refer to what `removed` says is gone.
    """
    try:
        with connection.begin_nested():
            return write()
    except IntegrityError as error:
        if sqlstate(error) != FOREIGN_KEY_VIOLATION:
            raise
    keys = connection.execute(FOREIGN_KEY_NAMES, {"labels": sorted(set(labels))}).all()
    for key in keys:
        _run(connection, f"alter table {key.owner} drop constraint {key.name}")
    done = write()
    for key in keys:
        _put_key_back(connection, key, removed)
    return done


def _put_key_back(connection: Connection, key: Row[Any], removed: Removed) -> None:
    lost = _newly_dead(connection, key, removed)
    if lost:
        rows = number_of(lost, "rows")
        raise RepairError(f"{rows} of {key.owner} would refer to rows that are not there any more ({key.name})")
    statement = f"alter table {key.owner} add constraint {key.name} {key.definition}"
    try:
        with connection.begin_nested():
            _run(connection, statement)
    except IntegrityError:
        _run(connection, f"{statement} NOT VALID")


def _newly_dead(connection: Connection, key: Row[Any], removed: Removed) -> int:
    """How many rows refer to an id that was removed and is not back."""
    child, parent = find_table(connection, key.child), find_table(connection, key.parent)
    assert child is not None  # noqa: S101 - it has a foreign key
    assert parent is not None  # noqa: S101 - a foreign key refers to it
    row, target = child.table, parent.table
    if key.width > 1 or "id" not in parent.types:
        return 0
    back = select(target.c.id).where(target.c.id == row.c[key.column]).exists()
    gone = row.c[key.column].in_(removed(key.parent))
    return connection.scalar(select(func.count()).select_from(row).where(gone, ~back)) or 0


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
    """A column that refers to the rows of another table: to their ids, or by text to what they are called."""

    shape: ReflectedTable
    column: str

    @property
    def is_text(self) -> bool:
        """Whether it is a text, which names no id."""
        return self.shape.types[self.column].startswith(("text", "character"))


def references_to(connection: Connection, target: ReflectedTable) -> tuple[Reference, ...]:
    """Every column that refers to a table, in an order of their own.

    Besides foreign keys these are columns of the platform's tables that bear the name of one, and those that settings
    name: the platform has tables that refer to a team or a player without saying so.
    """
    sure = {*_of_database(connection, target), *_declared(target)}
    by_name = _by_name(connection, target, {column for _, column in sure})
    found = _found(connection, {*sure, *by_name, *_by_settings(connection, target)})
    return tuple(one for one in found if not one.is_text)


def named_by_text(connection: Connection, target: ReflectedTable) -> tuple[Reference, ...]:
    """Every column that names a table's rows by their natural key, as `users.tenniscores_player_id` names a player."""
    key = TEXT_KEYS.get(target.label)
    if key is None or key not in target.types:
        return ()
    same = {(row.label, row.attname) for row in connection.execute(SAME_NAME, {"names": [key], "types": TEXT_TYPES})}
    found = _found(connection, {*same, *_by_settings(connection, target)} - {(target.label, key)})
    return tuple(one for one in found if one.is_text)


def _found(connection: Connection, places: Iterable[tuple[str, str]]) -> tuple[Reference, ...]:
    found = ((find_table(connection, label), column) for label, column in sorted(places))
    return tuple(Reference(shape, column) for shape, column in found if shape is not None and column in shape.types)


SAME_NAME = text("""
select n.nspname || '.' || c.relname as label, a.attname, exists (
  select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any(k.conkey)) as constrained
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition and not a.attisdropped
  and a.attname = any(:names) and a.atttypid = any(cast(:types as regtype[]))
""")
ID_TYPES, TEXT_TYPES = ["int2", "int4", "int8"], ["text", "varchar", "bpchar"]
TEXT_KEYS = {"public.players": "tenniscores_player_id"}
"""By which text people's tables name a row, besides its id."""
REFERENCES = "rally_references"
"""An execution option: which columns refer to which of the platform's tables, such as {"users.context": "leagues"}."""


def _by_name(connection: Connection, target: ReflectedTable, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    if target.schema == "public" and target.name in metadata.tables:
        wanted = sorted({*names, f"{SINGULAR.get(target.name, target.name)}_id"} - {"id"})
        columns = connection.execute(SAME_NAME, {"names": wanted, "types": ID_TYPES})
        yield from ((row.label, row.attname) for row in columns if not row.constrained)


SINGULAR = {"leagues": "league", "clubs": "club", "teams": "team", "players": "player"}


def _by_settings(connection: Connection, target: ReflectedTable) -> Iterator[tuple[str, str]]:
    named: dict[str, str] = connection.get_execution_options().get(REFERENCES, {})
    for place, table in named.items():
        owner, _, column = place.rpartition(".")
        if target.label in {f"public.{table}", table}:
            yield owner if "." in owner else f"public.{owner}", column


def require_unreferenced(connection: Connection, target: ReflectedTable, ids: Select[Any]) -> None:
    """Raise RepairError where rows refer to one of these ids, or name one by its text: they would lead nowhere."""
    for reference in (*references_to(connection, target), *named_by_text(connection, target)):
        value = reference.shape.table.c[reference.column]
        lost = value.in_(_last_of_their_name(target, ids) if reference.is_text else ids)
        count = connection.scalar(select(func.count()).select_from(reference.shape.table).where(lost))
        if count:
            raise RepairError(
                f"rows of {target.label} that would be removed are referred to by {reference.column} of"
                f" {number_of(count, 'rows')} of {reference.shape.label}"
            )


def _last_of_their_name(target: ReflectedTable, ids: Select[Any]) -> Select[Any]:
    """The texts that name these rows and no other row of the table."""
    key = TEXT_KEYS[target.label]
    going, staying = target.table.alias("going"), target.table.alias("staying")
    stays = exists().where(staying.c[key] == going.c[key], staying.c.id.not_in(ids))
    return select(going.c[key]).where(going.c.id.in_(ids), ~stays)


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
    schema, _, sequence = name.partition(".")
    quote = connection.dialect.identifier_preparer.quote
    # the restart makes a new store that dies with a rollback; setval writes into that one
    connection.exec_driver_sql(f"alter sequence {quote(schema)}.{quote(sequence)} restart with {int(to['last_value'])}")
    where = f"{quote(schema)}.{quote(sequence)}"
    connection.execute(select(func.setval(cast(where, REGCLASS), int(to["last_value"]), bool(to["is_called"]))))
