"""What imports leave behind, schema `quality`: their ledger, rejects, links and confirmed names.

What repairs and emergencies leave behind, schema `quality`: plans, copies of every row changed, stopped imports.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from etl.tables.platform import QUALITY, metadata, teams

import_runs = Table(
    "import_runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("outcome", String(16), nullable=False),
    Column("paths", JSONB, nullable=False),
    schema=QUALITY,
    info={"key": ("id",)},
)

import_feeds = Table(
    "import_feeds",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", BigInteger, ForeignKey(import_runs.c.id, ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("league", String(64), nullable=False),
    Column("fingerprint", String(64)),
    Column("partial", Boolean, nullable=False, server_default=false()),
    Column("outcome", String(16), nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("rows", Integer, nullable=False, server_default="0"),
    Column("records", Integer, nullable=False, server_default="0"),
    Column("rejects", Integer, nullable=False, server_default="0"),
    Column("linked", Integer, nullable=False, server_default="0"),
    Column("unlinked", Integer, nullable=False, server_default="0"),
    Column("newly_unlinked", Integer, nullable=False, server_default="0"),
    Column("inserted", Integer, nullable=False, server_default="0"),
    Column("updated", Integer, nullable=False, server_default="0"),
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column("withdrawn", Integer, nullable=False, server_default="0"),
    Column("duplicates", Integer, nullable=False, server_default="0"),
    Column("reasons", JSONB, nullable=False, server_default="[]"),
    Column("allowed", JSONB, nullable=False, server_default="[]"),
    Column("leagues", JSONB, nullable=False, server_default="{}"),
    Column("drift", JSONB, nullable=False, server_default="{}"),
    Column("seconds", JSONB, nullable=False, server_default="{}"),
    Index("ix_import_feeds_kind_league", "kind", "league", "id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

rejects = Table(
    "rejects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("feed_id", BigInteger, ForeignKey(import_feeds.c.id, ondelete="CASCADE"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("field", Text),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Index("ix_rejects_feed_id", "feed_id"),
    schema=QUALITY,
    info={"key": ("feed_id", "index")},
)

team_aliases = Table(
    "team_aliases",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("league", String(64), nullable=False),
    Column("series", String(255), nullable=False, server_default=""),
    Column("name", Text, nullable=False),
    Column("team_id", Integer, ForeignKey(teams.c.id, ondelete="CASCADE"), nullable=False),
    Column("confirmed_by", Text, nullable=False),
    Column("confirmed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("league", "series", "name"),
    schema=QUALITY,
    info={"key": ("league", "series", "name")},
)

links = Table(
    "links",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("league", String(64), nullable=False),
    Column("series", String(255), nullable=False, server_default=""),
    Column("name", Text, nullable=False),
    Column("team_id", Integer, ForeignKey(teams.c.id, ondelete="CASCADE")),
    Column("strategy", String(16)),
    Column("confidence", Double, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("feed_id", BigInteger, ForeignKey(import_feeds.c.id, ondelete="CASCADE"), nullable=False),
    Column("sides", Integer, nullable=False, server_default="0"),
    UniqueConstraint("league", "series", "name"),
    schema=QUALITY,
    info={"key": ("league", "series", "name")},
)


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
