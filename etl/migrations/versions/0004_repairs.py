"""Repairs with copies of every row they changed, and stops of the import, in schema quality."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

NAMES = ("repair_rows", "repairs", "import_stops")


def upgrade() -> None:
    op.create_table(
        "repairs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(length=16), server_default="fix", nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("proposal", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changes", JSONB(), server_default="[]", nullable=False),
        sa.Column("digest", sa.String(length=32), server_default="", nullable=False),
        sa.Column("options", JSONB(), server_default="{}", nullable=False),
        sa.Column("bad_before", sa.BigInteger(), nullable=True),
        sa.Column("bad_after", sa.BigInteger(), nullable=True),
        sa.Column("score_before", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("score_after", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("planned_by", sa.Text(), server_default="", nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repairs")),
        schema="quality",
    )
    op.create_index("ix_repairs_state", "repairs", ["state", "id"], unique=False, schema="quality")
    op.create_table(
        "repair_rows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("repair_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("key", JSONB(), nullable=False),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repair_id"], ["quality.repairs.id"], name=op.f("fk_repair_rows_repair_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_rows")),
        schema="quality",
    )
    op.create_index("ix_repair_rows_repair_id", "repair_rows", ["repair_id", "step"], unique=False, schema="quality")
    op.create_index("ix_repair_rows_table", "repair_rows", ["table"], unique=False, schema="quality")
    op.create_table(
        "import_stops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_by", sa.Text(), nullable=True),
        sa.Column("resume_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_stops")),
        schema="quality",
    )
    op.create_index(
        "uq_import_stops_open",
        "import_stops",
        [sa.text("(resumed_at is null)")],
        unique=True,
        schema="quality",
        postgresql_where=sa.text("resumed_at is null"),
    )


def downgrade() -> None:
    for name in NAMES:
        op.drop_table(name, schema="quality")
