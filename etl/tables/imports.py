"""What imports leave behind, schema `quality`: their ledger, rejects, links and confirmed names."""

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
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from etl.tables.base import QUALITY, metadata
from etl.tables.platform import teams

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

__all__ = ["import_feeds", "import_runs", "links", "rejects", "team_aliases"]
