"""The domain tables: what holds for every table of the database, whatever stands in it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from checks import Row, Severity, change, fixture, metric_check, percent

OF_RELATION = "oid", "relname", "relkind", "relnamespace", "relispartition", "reltuples"
CATALOGUE = sa.table("pg_class", *map(sa.column, OF_RELATION), schema="pg_catalog")
SMALL = 10_000
"""Rows up to which a table may grow as it likes."""
LARGEST_COUNTED = 100_000_000
"""Bytes up to which a table is counted at each run, which takes tenths of a second; a larger one is estimated."""
PUBLIC = CATALOGUE.c.relnamespace == sa.func.to_regnamespace("public")


IN_BYTES = 1_000_000
"""A megabyte; up to one a table may grow as it likes."""


@fixture
def public_table() -> sa.Select[tuple[str]]:
    """The tables of the schema public that the run may read, for `each="public_table"`; one with partitions is one."""
    return _tables().where(READABLE)


@fixture
def closed_table() -> sa.Select[tuple[str]]:
    """The tables of the schema public that the run may not read, for `each="closed_table"`."""
    return _tables().where(~READABLE)


READABLE = sa.func.has_any_column_privilege(CATALOGUE.c.oid, "select")


def _tables() -> sa.Select[tuple[str]]:
    tables = CATALOGUE.c.relkind.in_(("r", "p")) & ~CATALOGUE.c.relispartition
    return sa.select(CATALOGUE.c.relname).where(tables, PUBLIC).order_by(CATALOGUE.c.relname)


@metric_check(CATALOGUE, severity=Severity.MEDIUM, threshold=change(growth=(percent(50), percent(200))), owner="site",
              tags={"weekly"}, each="public_table", runbook="docs/RUNBOOKS.md#tables-that-grow")  # fmt: skip
def rows_of_table(row: Row, public_table: str) -> sa.ColumnElement[Any]:
    """A table has grown without reason; below 10,000 rows it may.

    Its rows are counted up to 100 MB. Of a larger one the figure is what VACUUM or ANALYZE found last, NULL where
    neither has run: the estimate of a small table moves by itself, from nothing to all rows, when one of them runs.
    """
    parts = _parts(row, public_table)
    # a subquery within CASE is executed only where its branch is taken
    counted = sa.select(sa.func.count()).select_from(sa.table(str(public_table), schema="public")).scalar_subquery()
    # -1 of a part that neither has seen yet; greatest() would pass over a NULL
    estimated = sa.func.sum(row.reltuples).filter(*parts)
    estimate = sa.case((sa.func.min(row.reltuples).filter(*parts) >= 0, sa.func.greatest(estimated, SMALL)))
    return sa.case((_bytes(row, public_table) <= LARGEST_COUNTED, sa.func.greatest(counted, SMALL)), else_=estimate)


@metric_check(CATALOGUE, severity=Severity.MEDIUM, threshold=change(growth=(percent(50), percent(200))), owner="site",
              tags={"weekly"}, each="closed_table", runbook="docs/RUNBOOKS.md#tables-that-grow")  # fmt: skip
def megabytes_of_table(row: Row, closed_table: str) -> sa.ColumnElement[Any]:
    """A table that the checks may not read has grown without reason; below 1 MB it may.

    Its rows cannot be counted, and what it takes on the disk anybody may know.
    """
    return sa.func.greatest(_bytes(row, closed_table), IN_BYTES) / float(IN_BYTES)


def _parts(row: Row, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The table of a name, or its partitions, wherever these lie."""
    # a table without partitions has no root
    table = sa.func.coalesce(sa.func.pg_partition_root(row.oid), row.oid)
    own = sa.func.to_regclass(sa.func.concat("public.", sa.func.quote_ident(name)))
    return row.relkind == "r", table == own


def _bytes(row: Row, name: str) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(sa.func.pg_relation_size(row.oid)).filter(*_parts(row, name)), 0)
