"""What runs of rules leave behind, schema `quality`: runs, results, findings, states and waivers."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from etl.tables.base import QUALITY, metadata

check_runs = Table(
    "check_runs",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True), nullable=False),
    Column("today", Date, nullable=False),
    Column("selection", Text, nullable=False),
    # a run about one league says nothing about the rest: never what a later run is compared with
    Column("scoped", Boolean, nullable=False),
    Column("score", Numeric(5, 2)),
    Column("gross", Numeric(5, 2)),
    Column("band", String(16), nullable=False),
    Column("formula", Integer, nullable=False),
    Column("coverage", Double, nullable=False),
    Column("domains", JSONB, nullable=False),
    # scores by dimension, such as league, and label
    Column("parts", JSONB, nullable=False, server_default="{}"),
    Column("snapshots", Integer, nullable=False),
    Index("ix_check_runs_started_at", "started_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

check_results = Table(
    "check_results",
    metadata,
    Column("run_id", Uuid(as_uuid=False), ForeignKey(check_runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("parameter", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("domain", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("gross_status", String(16), nullable=False),
    Column("count", BigInteger),
    Column("total", BigInteger),
    Column("rate", Double),
    Column("value", Double),
    Column("threshold", Text, nullable=False),
    Column("points", Numeric(5, 2), nullable=False),
    Column("waived", BigInteger, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("new", BigInteger),
    Column("known", BigInteger),
    Column("fixed", BigInteger),
    Column("exact", Boolean, nullable=False),
    Column("examples", JSONB, nullable=False),
    Column("clusters", JSONB, nullable=False),
    Column("sql", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("error", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index("ix_check_results_rule", "rule", "parameter", "at"),
    schema=QUALITY,
    info={"key": ("run_id", "rule", "parameter")},
)

check_states = Table(
    "check_states",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("parameter", Text, primary_key=True),
    Column("run_id", Uuid(as_uuid=False), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", String(16), nullable=False),
    Column("count", BigInteger, nullable=False),
    # only where not every bad row is listed in check_findings
    Column("sketch", LargeBinary),
    schema=QUALITY,
    info={"key": ("rule", "parameter")},
)

check_findings = Table(
    "check_findings",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("parameter", Text, primary_key=True),
    Column("fingerprint", BigInteger, primary_key=True, autoincrement=False),
    Column("key", JSONB, nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_run", Uuid(as_uuid=False), nullable=False),
    Column("first_seen", DateTime(timezone=True), nullable=False),
    # NULL: as bad as ever in the run that check_states names
    Column("fixed_at", DateTime(timezone=True)),
    schema=QUALITY,
    info={"key": ("rule", "parameter", "fingerprint")},
)

waivers = Table(
    "waivers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("fingerprint", BigInteger),
    Column("key", Text, nullable=False, server_default=""),
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", Date, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("withdrawn_at", DateTime(timezone=True)),
    schema=QUALITY,
    info={"key": ("id",)},
)

__all__ = ["check_findings", "check_results", "check_runs", "check_states", "waivers"]
