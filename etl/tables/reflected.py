"""Tables as a database has them, by name: what they are made of, and whether they still are what they were."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, Table, inspect, text
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind

DESCRIPTIONS = text("""
select c.relname, json_build_array(n.nspname, c.relkind::text, (
    select json_agg(json_build_array(
        a.attnum, a.attname, a.attnotnull, format_type(t.oid, a.atttypmod), format_type(t.typbasetype, t.typtypmod),
        (select array_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid in (t.oid, t.typelem))
    ) order by a.attnum)
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
), (
    select json_agg(json_build_array(k.contype::text, conkey, confrelid::regclass::text, confkey) order by conname)
    from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'f')
))::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relname = any(:names) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and case when cast(:schema as text) is null then pg_table_is_visible(c.oid) else n.nspname = :schema end
""")


def descriptions(connection: Connection, schema: str | None, names: Collection[str]) -> dict[str, str]:
    """All that tells one table or view from another, as a text, by name; those that are not there are left out.

    Without a schema the search path says which is meant.
    """
    return {row[0]: row[1] for row in connection.execute(DESCRIPTIONS, {"schema": schema, "names": [*names]})}


def reflected(connection: Connection, schema: str | None, names: Collection[str]) -> dict[str, Table]:
    """The tables and views of a schema that have one of these names, by their full name: their columns and their key.

    MetaData.reflect asks for indexes, comments and further constraints as well, by 13 questions in place of 5.
    """
    inspector, wanted = inspect(connection), [*names]
    keys = inspector.get_multi_pk_constraint(schema, wanted, kind=ObjectKind.ANY)
    columns = inspector.get_multi_columns(schema, wanted, kind=ObjectKind.ANY)
    tables = (Table(name, MetaData(), *_columns(own), PrimaryKeyConstraint(*keys[place, name]["constrained_columns"]),
                    schema=schema) for (place, name), own in columns.items())  # fmt: skip
    return {table.fullname: table for table in tables}


def _columns(columns: Iterable[ReflectedColumn]) -> Iterator[Column[Any]]:
    yield from (Column(each["name"], each["type"], nullable=each["nullable"]) for each in columns)
