"""The domain tables: what holds for every table of the database, whatever stands in it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from checks import Row, Severity, change, fixture, metric_check, percent

OF_RELATION = "oid", "relname", "relkind", "relnamespace", "relispartition", "reltuples"
CATALOGUE = sa.table("pg_class", *map(sa.column, OF_RELATION), schema="pg_catalog")
SMALL = 10_000
"""Rows up to which a table may grow as it likes."""
PUBLIC = CATALOGUE.c.relnamespace == sa.func.to_regnamespace("public")


@fixture
def public_table() -> sa.Select[tuple[str]]:
    """The tables of the schema public, for `each="public_table"`; one with partitions is one table."""
    tables = CATALOGUE.c.relkind.in_(("r", "p")) & ~CATALOGUE.c.relispartition
    return sa.select(CATALOGUE.c.relname).where(tables, PUBLIC).order_by(CATALOGUE.c.relname)


@metric_check(CATALOGUE, severity=Severity.MEDIUM, threshold=change(growth=(percent(50), percent(200))), owner="site",
              tags={"weekly"}, each="public_table", runbook="docs/RUNBOOKS.md#tables-that-grow")  # fmt: skip
def rows_of_table(row: Row, public_table: str) -> sa.ColumnElement[Any]:
    """A table has grown without reason, by what the database estimates; below 10,000 rows it may."""
    # of a partition its table, wherever the partition itself lies; a table without partitions has no root
    table = sa.func.coalesce(sa.func.pg_partition_root(row.oid), row.oid)
    own = table == sa.func.to_regclass(sa.func.concat("public.", sa.func.quote_ident(public_table)))
    return sa.func.greatest(sa.func.sum(row.reltuples).filter(row.relkind == "r", own), SMALL)
