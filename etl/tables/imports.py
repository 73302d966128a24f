"""Tables of imports and repairs, schema `quality`: ledger, rejects, links, confirmed names; plans, copies of changed
rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB

from etl.tables.platform import QUALITY, metadata, teams

import_runs = sa.Table(
    "import_runs",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("paths", JSONB, nullable=False),
    schema=QUALITY,
    info={"key": ("id",)},
)

import_feeds = sa.Table(
    "import_feeds",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("run_id", sa.BigInteger, sa.ForeignKey(import_runs.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("league", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("partial", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("rows", sa.Integer, nullable=False, server_default="0"),
    sa.Column("records", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rejects", sa.Integer, nullable=False, server_default="0"),
    sa.Column("linked", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unlinked", sa.Integer, nullable=False, server_default="0"),
    sa.Column("newly_unlinked", sa.Integer, nullable=False, server_default="0"),
    sa.Column("inserted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("updated", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unchanged", sa.Integer, nullable=False, server_default="0"),
    sa.Column("withdrawn", sa.Integer, nullable=False, server_default="0"),
    sa.Column("duplicates", sa.Integer, nullable=False, server_default="0"),
    sa.Column("held", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reasons", JSONB, nullable=False, server_default="[]"),
    sa.Column("allowed", JSONB, nullable=False, server_default="[]"),
    sa.Column("leagues", JSONB, nullable=False, server_default="{}"),
    sa.Column("drift", JSONB, nullable=False, server_default="{}"),
    sa.Column("seconds", JSONB, nullable=False, server_default="{}"),
    sa.Index("ix_import_feeds_kind_league", "kind", "league", "id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

import_parts = sa.Table(
    "import_parts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("feed_id", sa.BigInteger, sa.ForeignKey(import_feeds.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("league", sa.String(64), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Column("counts", JSONB, nullable=False),
    sa.Column("profile", JSONB, nullable=False),
    sa.Column("reasons", JSONB, nullable=False, server_default="[]"),
    sa.Column("allowed", JSONB, nullable=False, server_default="[]"),
    sa.Column("corrections", JSONB, nullable=False, server_default="[]"),
    # of held parts: what a person needs to see, what a change of would free them, and the rows themselves
    sa.Column("names", JSONB, nullable=False, server_default="[]"),
    sa.Column("watch", sa.Text, nullable=False, server_default=""),
    sa.Column("tries", sa.Integer, nullable=False, server_default="1"),
    sa.Column("rows", sa.LargeBinary),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("closing", sa.Text),
    sa.Index("ix_import_parts_feed_id", "feed_id"),
    sa.Index(
        "ix_import_parts_held", "kind", "league", postgresql_where=sa.text("outcome = 'held' and closed_at is null")
    ),
    schema=QUALITY,
    info={"key": ("feed_id", "league")},
)

rejects = sa.Table(
    "rejects",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("feed_id", sa.BigInteger, sa.ForeignKey(import_feeds.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("index", sa.Integer, nullable=False),
    sa.Column("field", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("resolved_at", sa.DateTime(timezone=True)),
    # a person has decided that it may stay out, and so may the same row when its feed brings it again
    sa.Column("settled_by", sa.Text),
    sa.Column("settled_reason", sa.Text),
    sa.Index("ix_rejects_feed_id", "feed_id"),
    schema=QUALITY,
    info={"key": ("feed_id", "index")},
)

team_aliases = sa.Table(
    "team_aliases",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("league", sa.String(64), nullable=False),
    sa.Column("series", sa.String(255), nullable=False, server_default=""),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("team_id", sa.Integer, sa.ForeignKey(teams.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("confirmed_by", sa.Text, nullable=False),
    sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.UniqueConstraint("league", "series", "name"),
    schema=QUALITY,
    info={"key": ("league", "series", "name")},
)

person_ids = sa.Table(
    "person_ids",
    metadata,
    sa.Column("league", sa.String(64), primary_key=True),
    # as feeds of another scheme have it, and the id that the table has for the same person
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("player_id", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    schema=QUALITY,
    info={"key": ("league", "id")},
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("league", sa.String(64), nullable=False),
    sa.Column("series", sa.String(255), nullable=False, server_default=""),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("team_id", sa.Integer, sa.ForeignKey(teams.c.id, ondelete="CASCADE")),
    sa.Column("strategy", sa.String(16)),
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("feed_id", sa.BigInteger, sa.ForeignKey(import_feeds.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("sides", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("league", "series", "name"),
    schema=QUALITY,
    info={"key": ("league", "series", "name")},
)


repairs = sa.Table(
    "repairs",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False, server_default="fix"),
    sa.Column("rule", sa.Text, nullable=False, server_default=""),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("proposal", sa.Boolean, nullable=False, server_default=sa.false()),
    # per table and action how many rows, and a digest of which
    sa.Column("changes", JSONB, nullable=False, server_default="[]"),
    sa.Column("digest", sa.String(32), nullable=False, server_default=""),
    sa.Column("options", JSONB, nullable=False, server_default="{}"),
    sa.Column("bad_before", sa.BigInteger),
    sa.Column("bad_after", sa.BigInteger),
    sa.Column("score_before", sa.Numeric(5, 2)),
    sa.Column("score_after", sa.Numeric(5, 2)),
    sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("planned_by", sa.Text, nullable=False, server_default=""),
    sa.Column("applied_at", sa.DateTime(timezone=True)),
    sa.Column("applied_by", sa.Text),
    sa.Column("undone_at", sa.DateTime(timezone=True)),
    sa.Column("undone_by", sa.Text),
    sa.Column("snapshot", sa.Text),
    sa.Index("ix_repairs_state", "state", "id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

repair_rows = sa.Table(
    "repair_rows",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("repair_id", sa.BigInteger, sa.ForeignKey(repairs.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("key", JSONB, nullable=False),
    # columns with their values as PostgreSQL writes them, NULL where there was no row
    sa.Column("before", JSONB(none_as_null=True)),
    sa.Column("after", JSONB(none_as_null=True)),
    sa.Index("ix_repair_rows_repair_id", "repair_id", "step"),
    sa.Index("ix_repair_rows_table", "table"),
    schema=QUALITY,
    info={"key": ("id",)},
)

provenance = sa.Table(
    "provenance",
    metadata,
    sa.Column("table", sa.Text, primary_key=True),
    # of the rows that a feed has brought or matched
    sa.Column("ids", INT8MULTIRANGE, nullable=False),
    schema=QUALITY,
    info={"key": ("table",)},
)

import_stops = sa.Table(
    "import_stops",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("automatic", sa.Boolean, nullable=False, server_default=sa.false()),
    # what is stopped; empty for everything
    sa.Column("league", sa.String(64), nullable=False, server_default=""),
    sa.Column("kind", sa.String(32), nullable=False, server_default=""),
    sa.Column("resumed_at", sa.DateTime(timezone=True)),
    sa.Column("resumed_by", sa.Text),
    sa.Column("resume_reason", sa.Text),
    # one stop of a thing is in force at a time
    sa.Index(
        "uq_import_stops_open",
        "league",
        "kind",
        unique=True,
        postgresql_where=sa.text("resumed_at is null"),
    ),
    schema=QUALITY,
    info={"key": ("id",)},
)

additions = sa.Table(
    "additions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    # table, constraint or index; and "mode", which says what the database is used for
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.UniqueConstraint("kind", "table", "name"),
    schema=QUALITY,
    info={"key": ("kind", "table", "name")},
)
