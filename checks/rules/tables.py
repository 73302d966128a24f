"""The domain tables: what holds for every table of the database, whatever stands in it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from checks import Row, Severity, change, fixture, metric_check, percent

CATALOGUE = sa.table(
    "pg_class", *(sa.column(name) for name in ("oid", "relname", "relkind", "relnamespace", "reltuples")),
    schema="pg_catalog",
)  # fmt: skip
SMALL = 10_000
"""Rows up to which a table may grow as it likes."""
PUBLIC = CATALOGUE.c.relnamespace == sa.func.to_regnamespace("public")


@fixture
def public_table() -> sa.Select[tuple[str]]:
    """The tables of the schema public that hold rows themselves, for `each="public_table"`."""
    return sa.select(CATALOGUE.c.relname).where(CATALOGUE.c.relkind == "r", PUBLIC).order_by(CATALOGUE.c.relname)


@metric_check(CATALOGUE, severity=Severity.MEDIUM, threshold=change(growth=(percent(50), percent(200))), owner="site",
              tags={"weekly"}, each="public_table", runbook="docs/RUNBOOKS.md#tables-that-grow")  # fmt: skip
def rows_of_table(row: Row, public_table: str) -> sa.ColumnElement[Any]:
    """A table has grown without reason, by what the database estimates; below 10,000 rows it may."""
    return sa.func.greatest(sa.func.max(row.reltuples).filter(row.relname == public_table, PUBLIC), SMALL)
