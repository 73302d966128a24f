"""What repairs and emergencies leave behind, schema `quality`: plans, copies of every row changed, stopped imports."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from etl.tables.base import QUALITY, metadata

repairs = Table(
    "repairs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", String(16), nullable=False, server_default="fix"),
    Column("rule", Text, nullable=False, server_default=""),
    Column("summary", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("proposal", Boolean, nullable=False, server_default=false()),
    # per table and action how many rows, and a digest of which
    Column("changes", JSONB, nullable=False, server_default="[]"),
    Column("digest", String(32), nullable=False, server_default=""),
    Column("options", JSONB, nullable=False, server_default="{}"),
    Column("bad_before", BigInteger),
    Column("bad_after", BigInteger),
    Column("score_before", Numeric(5, 2)),
    Column("score_after", Numeric(5, 2)),
    Column("planned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("planned_by", Text, nullable=False, server_default=""),
    Column("applied_at", DateTime(timezone=True)),
    Column("applied_by", Text),
    Column("undone_at", DateTime(timezone=True)),
    Column("undone_by", Text),
    Column("snapshot", Text),
    Index("ix_repairs_state", "state", "id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

repair_rows = Table(
    "repair_rows",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("repair_id", BigInteger, ForeignKey(repairs.c.id, ondelete="CASCADE"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("table", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("key", JSONB, nullable=False),
    # columns with their values as PostgreSQL writes them, NULL where there was no row
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Index("ix_repair_rows_repair_id", "repair_id", "step"),
    Index("ix_repair_rows_table", "table"),
    schema=QUALITY,
    info={"key": ("id",)},
)

import_stops = Table(
    "import_stops",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("automatic", Boolean, nullable=False, server_default=false()),
    Column("resumed_at", DateTime(timezone=True)),
    Column("resumed_by", Text),
    Column("resume_reason", Text),
    # one stop is in force at a time
    Index(
        "uq_import_stops_open", text("(resumed_at is null)"), unique=True, postgresql_where=text("resumed_at is null")
    ),
    schema=QUALITY,
    info={"key": ("id",)},
)

__all__ = ["import_stops", "repair_rows", "repairs"]
