"""What PostgreSQL's catalogue says of a schema's tables: facts, without a judgement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from etl.tables import QUALITY, metadata

PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class CatalogueColumn:
    """A column: its type as PostgreSQL writes it, and whether an INSERT can do without it."""

    name: str
    type: str
    nullable: bool
    filled: bool
    """Whether the database fills it where an INSERT does not: a default, an identity, or a generated value."""


@dataclass(frozen=True, slots=True)
class CatalogueConstraint:
    """A constraint: `kind` is c (CHECK), f (foreign key), p or u (unique), as in pg_constraint."""

    name: str
    kind: str
    columns: tuple[str, ...]
    definition: str
    validated: bool


@dataclass(frozen=True, slots=True)
class CatalogueIndex:
    """An index of plain columns; `whole` is False for one with a condition or an expression."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    whole: bool
    definition: str


@dataclass(frozen=True, slots=True)
class CatalogueTable:
    """A table, or a view, of the database."""

    name: str
    kind: str
    owner: str
    rows: int
    """An estimate, -1 where nobody has counted."""
    columns: Mapping[str, CatalogueColumn] = field(default_factory=dict)
    constraints: Mapping[str, CatalogueConstraint] = field(default_factory=dict)
    indexes: Mapping[str, CatalogueIndex] = field(default_factory=dict)
    triggers: Mapping[str, str] = field(default_factory=dict)
    """Triggers that are no part of a constraint, and when they fire."""

    @property
    def is_table(self) -> bool:
        """Whether it holds rows: a plain table, or one with partitions."""
        return self.kind in ("r", "p")

    def unique_keys(self) -> tuple[tuple[str, ...], ...]:
        """The columns of each unique key of the whole table."""
        return tuple(index.columns for index in self.indexes.values() if index.unique and index.whole)


RELATIONS = text("""
select c.relname as name, c.relkind::text as kind, pg_get_userbyid(c.relowner) as owner, c.reltuples::bigint as rows
from pg_class c where c.relnamespace = to_regnamespace(:schema) and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by 1
""")
COLUMNS = text("""
select c.relname as owner, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       not a.attnotnull as nullable,
       a.atthasdef or a.attidentity <> '' or a.attgenerated <> '' as filled
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = to_regnamespace(:schema) and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0
  and not a.attisdropped
order by a.attnum
""")
# "n" are NOT NULLs, which PostgreSQL 18 lists too
CONSTRAINTS = text("""
select c.relname as owner, k.conname as name, k.contype::text as kind, pg_get_constraintdef(k.oid) as definition,
       k.convalidated as validated,
       array(select a.attname::text from unnest(k.conkey) with ordinality as own (number, place)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = own.number order by own.place) as columns
from pg_constraint k join pg_class c on c.oid = k.conrelid
where c.relnamespace = to_regnamespace(:schema) and k.contype in ('c', 'f', 'p', 'u')
order by 1, 2
""")
INDEXES = text("""
select t.relname as owner, c.relname as name, i.indisunique and i.indisvalid as unique,
       i.indpred is null and i.indexprs is null as whole, pg_get_indexdef(i.indexrelid) as definition,
       array(select a.attname::text from unnest(i.indkey) with ordinality as own (number, place)
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = own.number
             where own.place <= i.indnkeyatts order by own.place) as columns
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
where t.relnamespace = to_regnamespace(:schema)
order by 1, 2
""")
CATALOGUE_TRIGGERS = text("""
select c.relname as owner, g.tgname as name, pg_get_triggerdef(g.oid) as definition
from pg_trigger g join pg_class c on c.oid = g.tgrelid
where c.relnamespace = to_regnamespace(:schema) and not g.tgisinternal
order by 1, 2
""")


def read_catalogue(connection: Connection, schema: str = PUBLIC) -> dict[str, CatalogueTable]:
    """The tables and views of a schema by name; empty where there is no such schema."""
    parts = [_by_owner(connection.execute(statement, {"schema": schema})) for statement in _PARTS]
    tables = {}
    for row in connection.execute(RELATIONS, {"schema": schema}):
        columns, constraints, indexes, triggers = (owned[row.name] for owned in parts)
        tables[row.name] = CatalogueTable(
            row.name, row.kind, row.owner, row.rows,
            {one.name: CatalogueColumn(one.name, one.type, one.nullable, one.filled) for one in columns},
            {one.name: CatalogueConstraint(one.name, one.kind, tuple(one.columns), one.definition, one.validated)
             for one in constraints},
            {one.name: CatalogueIndex(one.name, tuple(one.columns), one.unique, one.whole, one.definition)
             for one in indexes},
            {one.name: one.definition for one in triggers},
        )  # fmt: skip
    return tables


def _by_owner(rows: Iterable[Row[Any]]) -> defaultdict[str, list[Row[Any]]]:
    owned: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        owned[row.owner].append(row)
    return owned


# by their number, for by its name a table of a schema that must not be used raises
READABLE = text("""
select has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE')
from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = :schema and c.relname = :name
""")


def can_read(connection: Connection, schema: str, name: str) -> bool:
    """Whether there is such a table, and this account may read it."""
    return bool(connection.scalar(READABLE, {"schema": schema, "name": name}))


_PARTS = (COLUMNS, CONSTRAINTS, INDEXES, CATALOGUE_TRIGGERS)


OPTIONAL_TABLES = frozenset({"series_leagues"})
"""What a Rally database may lack: since November 2025 a series knows its one league."""


def platform_tables() -> list[str]:
    """The names of the platform's tables, parents first."""
    return [table.name for table in metadata.sorted_tables if table.schema != QUALITY]


def required_columns(table: str) -> set[str]:
    """The columns that nothing works without: what names a row, and what refers to other tables."""
    declared = metadata.tables[table]
    return {
        *declared.info.get("key", ()),
        *(column.name for column in declared.columns if column.primary_key or column.foreign_keys),
    }


def missing_tables(catalogue: Mapping[str, CatalogueTable]) -> list[str]:
    """The platform's tables that the database lacks, but for those that a Rally database may lack."""
    return [name for name in platform_tables() if name not in catalogue and name not in OPTIONAL_TABLES]


def missing_columns(catalogue: Mapping[str, CatalogueTable], *, required: bool) -> dict[str, list[str]]:
    """The columns that the database's tables lack, by table: those that are required, or the others."""
    lacking = {}
    for name in platform_tables():
        if name in catalogue:
            wanted = required_columns(name)
            names = [
                column.name for column in metadata.tables[name].columns if column.name not in catalogue[name].columns
            ]
            lacking[name] = [column for column in names if (column in wanted) is required]
    return {name: columns for name, columns in lacking.items() if columns}
