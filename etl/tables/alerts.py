"""What alerting remembers, schema `quality`: incidents, their story, messages to be sent, and who was told of what.

Recipients stand here by their name in the policy; numbers and addresses never do.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from etl.tables.base import QUALITY, metadata

incidents = Table(
    "incidents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("parameter", Text, nullable=False, server_default=""),
    Column("scope", Text, nullable=False, server_default=""),
    Column("domain", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("worst", String(16), nullable=False),
    Column("summary", Text, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
    Column("runbook", Text, nullable=False, server_default=""),
    Column("measurement", Text, nullable=False, server_default=""),
    Column("change", Text, nullable=False, server_default=""),
    Column("points", Numeric(5, 2), nullable=False, server_default="0"),
    Column("clusters", JSONB, nullable=False, server_default="[]"),
    Column("examples", JSONB, nullable=False, server_default="[]"),
    Column("error", Text, nullable=False, server_default=""),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("opened_run", Text, nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("seen_run", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("episode", Integer, nullable=False, server_default="1"),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("acknowledged_by", Text),
    Column("assignee", Text),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolved_run", Text),
    Column("resolution", Text),
    Index("uq_incidents_open", "rule", "parameter", "scope", unique=True, postgresql_where=text("resolved_at is null")),
    Index("ix_incidents_resolved_at", "resolved_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("incident_id", BigInteger, ForeignKey(incidents.c.id, ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("actor", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("run", Text),
    # what caused it outside, such as the provider's id of a reply; the same cause counts once
    Column("reference", Text),
    UniqueConstraint("incident_id", "reference"),
    Index("ix_incident_events_incident_id", "incident_id", "id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("run", Text),
    Column("channel", String(16), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("urgency", Integer, nullable=False, server_default="0"),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    Column("threads", JSONB, nullable=False, server_default="[]"),
    Column("token", String(16), nullable=False, unique=True),
    Column("note", Text, nullable=False, server_default=""),
    Column("state", String(16), nullable=False, server_default="queued"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("attempted_at", DateTime(timezone=True)),
    Column("claim", Text),
    Column("leased_until", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
    Column("provider_id", Text),
    Column("provider_status", Text),
    Column("checked_at", DateTime(timezone=True)),
    Column("error", Text, nullable=False, server_default=""),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Index("ix_deliveries_state", "state", "due_at"),
    Index("ix_deliveries_recipient", "recipient", "channel", "created_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

delivery_incidents = Table(
    "delivery_incidents",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    Column("incident_id", BigInteger, ForeignKey(incidents.c.id, ondelete="CASCADE"), primary_key=True),
    Column("reason", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("step", Integer),
    Index("ix_delivery_incidents_incident_id", "incident_id"),
    schema=QUALITY,
    info={"key": ("delivery_id", "incident_id")},
)

__all__ = ["deliveries", "delivery_incidents", "incident_events", "incidents"]
