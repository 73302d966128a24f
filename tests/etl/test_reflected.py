"""Tables as a database has them: what a rule uses of them is what SQLAlchemy's own reflection says."""

from __future__ import annotations

from sqlalchemy import Engine, MetaData, Table, text
from sqlalchemy.dialects import postgresql

from etl.tables.reflected import descriptions, reflected

KINDS = [
    'create schema "odd shop"',
    'create table "odd shop".plain (id int primary key, "Odd Name" text not null, price numeric(9), tags varchar(9)[])',
    'create table "odd shop".parts (id int, kind text, primary key (kind, id)) partition by list (kind)',
    "create type colour as enum ('red', 'green')",
    "create domain positive as int check (value > 0)",
    'create table "odd shop"."Big One" (c colour, p positive, j jsonb, at timestamptz not null)',
    'create view "odd shop".seen as select * from "odd shop".plain',
    'create materialized view "odd shop".kept as select * from "odd shop".plain',
]  # fmt: skip
NAMES = ["plain", "parts", "Big One", "seen", "kept", "none"]


def made_of(table: Table) -> tuple[object, ...]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    columns = [(column.name, column.type.compile(dialect), column.nullable) for column in table.c]
    return columns, [key.name for key in table.primary_key]


def test_tables_and_views_of_every_kind_are_what_sqlalchemy_says(engine: Engine) -> None:
    with engine.connect() as connection:
        for statement in KINDS:
            connection.execute(text(statement))
        found, whole = reflected(connection, "odd shop", NAMES), MetaData()
        whole.reflect(connection, "odd shop", views=True, only=lambda name, _: name in NAMES, resolve_fks=False)
        told = descriptions(connection, "odd shop", NAMES)

    assert {name: made_of(table) for name, table in found.items()} == {
        name: made_of(table) for name, table in whole.tables.items()
    }
    assert set(told) == {"plain", "parts", "Big One", "seen", "kept"}
    assert len(set(told.values())) == len(told)
