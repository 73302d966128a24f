"""Complaints that people bring, refused rows that a person settled, and how large the database was at each check."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("league", sa.String(length=64), nullable=False),
        sa.Column("team", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("linked_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["quality.incidents.id"], name=op.f("fk_feedback_incident_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        schema="quality",
    )
    op.create_index("ix_feedback_at", "feedback", ["at"], unique=False, schema="quality")
    op.create_index("ix_feedback_incident_id", "feedback", ["incident_id"], unique=False, schema="quality")
    for name in ("settled_by", "settled_reason"):
        op.add_column("rejects", sa.Column(name, sa.Text(), nullable=True), schema="quality")
    op.add_column("check_runs", sa.Column("database_bytes", sa.BigInteger(), nullable=True), schema="quality")


def downgrade() -> None:
    op.drop_column("check_runs", "database_bytes", schema="quality")
    for name in ("settled_reason", "settled_by"):
        op.drop_column("rejects", name, schema="quality")
    op.drop_table("feedback", schema="quality")
