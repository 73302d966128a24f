"""Tables of checks and alerts, schema `quality`: runs, results, findings, waivers; incidents, messages, deliveries.

Recipients stand here by their name in the policy; numbers and addresses never do.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from etl.tables.platform import QUALITY, metadata

check_runs = sa.Table(
    "check_runs",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("today", sa.Date, nullable=False),
    sa.Column("selection", sa.Text, nullable=False),
    # a run about one league says nothing about the rest: never what a later run is compared with
    sa.Column("scoped", sa.Boolean, nullable=False),
    # nor does one that compared the data with another day than its own
    sa.Column("another_day", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("score", sa.Numeric(5, 2)),
    sa.Column("gross", sa.Numeric(5, 2)),
    sa.Column("band", sa.String(16), nullable=False),
    sa.Column("formula", sa.Integer, nullable=False),
    sa.Column("coverage", sa.Double, nullable=False),
    sa.Column("domains", JSONB, nullable=False),
    # scores by dimension, such as league, and label
    sa.Column("parts", JSONB, nullable=False, server_default="{}"),
    sa.Column("snapshots", sa.Integer, nullable=False),
    # how large the whole database was; NULL where an earlier version did not look
    sa.Column("database_bytes", sa.BigInteger),
    sa.Index("ix_check_runs_started_at", "started_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

check_results = sa.Table(
    "check_results",
    metadata,
    sa.Column("run_id", sa.Uuid(as_uuid=False), sa.ForeignKey(check_runs.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("parameter", sa.Text, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("gross_status", sa.String(16), nullable=False),
    sa.Column("count", sa.BigInteger),
    sa.Column("total", sa.BigInteger),
    sa.Column("rate", sa.Double),
    sa.Column("value", sa.Double),
    sa.Column("threshold", sa.Text, nullable=False),
    sa.Column("points", sa.Numeric(5, 2), nullable=False),
    # what the score made of it; NULL where a run of an earlier version did not keep it
    sa.Column("share", sa.Double),
    sa.Column("impact", sa.Double),
    sa.Column("emptied", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("waived", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("new", sa.BigInteger),
    sa.Column("known", sa.BigInteger),
    sa.Column("fixed", sa.BigInteger),
    sa.Column("exact", sa.Boolean, nullable=False),
    sa.Column("examples", JSONB, nullable=False),
    sa.Column("clusters", JSONB, nullable=False),
    sa.Column("sql", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    # when an earlier run measured it, where nothing that it reads has changed since; NULL: this run measured it
    sa.Column("carried", sa.DateTime(timezone=True)),
    sa.Index("ix_check_results_rule", "rule", "parameter", "at"),
    schema=QUALITY,
    info={"key": ("run_id", "rule", "parameter")},
)

check_news = sa.Table(
    "check_news",
    metadata,
    sa.Column("run_id", sa.Uuid(as_uuid=False), sa.ForeignKey(check_runs.c.id, ondelete="CASCADE"), primary_key=True),
    # the run that it was compared with, and how people call that: "since yesterday"
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("new", JSONB, nullable=False),
    sa.Column("gone", JSONB, nullable=False),
    schema=QUALITY,
    info={"key": ("run_id",)},
)

check_seals = sa.Table(
    "check_seals",
    metadata,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("run_id", sa.Uuid(as_uuid=False), sa.ForeignKey(check_runs.c.id), nullable=False, unique=True),
    # the columns that the seal covers: a later migration may add more
    sa.Column("columns", JSONB, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("seal", sa.String(64), nullable=False),
    schema=QUALITY,
    info={"key": ("number",)},
)

check_states = sa.Table(
    "check_states",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("parameter", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    # only where not every bad row is listed in check_findings
    sa.Column("sketch", sa.LargeBinary),
    # what the reading rests on, as a digest; NULL where it is to be measured in every run
    sa.Column("basis", sa.String(64)),
    # the sum of the hashes of very many bad rows: with the same they are the same
    sa.Column("digest", sa.Text),
    # the readings by dimension: value, bad rows, rows
    sa.Column("segments", JSONB),
    schema=QUALITY,
    info={"key": ("rule", "parameter")},
)

check_findings = sa.Table(
    "check_findings",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("parameter", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", JSONB, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("first_run", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
    # NULL: as bad as ever in the run that check_states names
    sa.Column("fixed_at", sa.DateTime(timezone=True)),
    schema=QUALITY,
    info={"key": ("rule", "parameter", "fingerprint")},
)

waivers = sa.Table(
    "waivers",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.BigInteger),
    sa.Column("key", sa.Text, nullable=False, server_default=""),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    # NULL where an earlier version did not ask
    sa.Column("created_by", sa.Text),
    sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
    sa.Column("withdrawn_by", sa.Text),
    schema=QUALITY,
    info={"key": ("id",)},
)


acceptances = sa.Table(
    "acceptances",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("parameter", sa.Text, nullable=False, server_default=""),
    # what the runs were narrowed to that it is about, such as "league CNSWPL"; empty: all rows
    sa.Column("scope", sa.Text, nullable=False, server_default=""),
    # the reading that is usual from then on; NULL where there is nothing to measure any more
    sa.Column("value", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("accepted_by", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Index("ix_acceptances_rule", "rule", "parameter", "accepted_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("parameter", sa.Text, nullable=False, server_default=""),
    sa.Column("scope", sa.Text, nullable=False, server_default=""),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("worst", sa.String(16), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("runbook", sa.Text, nullable=False, server_default=""),
    sa.Column("measurement", sa.Text, nullable=False, server_default=""),
    sa.Column("change", sa.Text, nullable=False, server_default=""),
    sa.Column("points", sa.Numeric(5, 2), nullable=False, server_default="0"),
    sa.Column("clusters", JSONB, nullable=False, server_default="[]"),
    sa.Column("examples", JSONB, nullable=False, server_default="[]"),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("opened_run", sa.Text, nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("seen_run", sa.Text, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("episode", sa.Integer, nullable=False, server_default="1"),
    sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("assignee", sa.Text),
    sa.Column("resolved_at", sa.DateTime(timezone=True)),
    sa.Column("resolved_run", sa.Text),
    sa.Column("resolution", sa.Text),
    sa.Index(
        "uq_incidents_open", "rule", "parameter", "scope", unique=True, postgresql_where=sa.text("resolved_at is null")
    ),
    sa.Index("ix_incidents_resolved_at", "resolved_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("actor", sa.Text, nullable=False, server_default=""),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
    sa.Column("run", sa.Text),
    # what caused it outside, such as the provider's id of a reply; the same cause counts once
    sa.Column("reference", sa.Text),
    sa.UniqueConstraint("incident_id", "reference"),
    sa.Index("ix_incident_events_incident_id", "incident_id", "id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    # when somebody noticed it, which may be before it was entered
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("league", sa.String(64), nullable=False),
    sa.Column("team", sa.Text, nullable=False, server_default=""),
    # a person's own words, without numbers and addresses; empty once they were erased
    sa.Column("text", sa.Text, nullable=False, info={"personal": True}),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey(incidents.c.id, ondelete="SET NULL")),
    # who linked or unlinked it; NULL: nobody, so it may be linked by itself
    sa.Column("linked_by", sa.Text),
    sa.Index("ix_feedback_at", "at"),
    sa.Index("ix_feedback_incident_id", "incident_id"),
    schema=QUALITY,
    info={"key": ("id",)},
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("run", sa.Text),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("urgency", sa.Integer, nullable=False, server_default="0"),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text),
    sa.Column("threads", JSONB, nullable=False, server_default="[]"),
    sa.Column("token", sa.String(16), nullable=False, unique=True),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("state", sa.String(16), nullable=False, server_default="queued"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("attempted_at", sa.DateTime(timezone=True)),
    sa.Column("claim", sa.Text),
    sa.Column("leased_until", sa.DateTime(timezone=True)),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
    sa.Column("provider_id", sa.Text),
    sa.Column("provider_status", sa.Text),
    sa.Column("checked_at", sa.DateTime(timezone=True)),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Index("ix_deliveries_state", "state", "due_at"),
    sa.Index("ix_deliveries_recipient", "recipient", "channel", "created_at"),
    schema=QUALITY,
    info={"key": ("id",)},
)

delivery_incidents = sa.Table(
    "delivery_incidents",
    metadata,
    sa.Column("delivery_id", sa.BigInteger, sa.ForeignKey(deliveries.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey(incidents.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("step", sa.Integer),
    sa.Index("ix_delivery_incidents_incident_id", "incident_id"),
    schema=QUALITY,
    info={"key": ("delivery_id", "incident_id")},
)
