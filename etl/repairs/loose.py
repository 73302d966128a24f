"""Foreign keys and triggers out of the way for a while, when rows are put back as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from etl.repairs.errors import RepairError

KEYS = text("""
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
    found = connection.execute(KEYS, {"labels": sorted(set(labels))}).all()
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
