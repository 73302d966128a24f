"""Verdicts: runs about another day, what each result took of its score, and lasting changes that somebody accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ANOTHER_DAY = sa.text("update quality.check_runs set another_day = true where abs(today - started_at::date) > 1")
"""Of earlier runs only the moment is known: a day apart may be the same day where the operator lives."""


def upgrade() -> None:
    another_day: sa.Column[bool] = sa.Column("another_day", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("check_runs", another_day, schema="quality")
    op.execute(ANOTHER_DAY)
    op.add_column("check_results", sa.Column("share", sa.Double(), nullable=True), schema="quality")
    op.add_column("check_results", sa.Column("impact", sa.Double(), nullable=True), schema="quality")
    emptied: sa.Column[bool] = sa.Column("emptied", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("check_results", emptied, schema="quality")
    op.create_table(
        "acceptances",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("parameter", sa.Text(), server_default="", nullable=False),
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptances")),
        schema="quality",
    )
    op.create_index("ix_acceptances_rule", "acceptances", ["rule", "parameter", "accepted_at"], schema="quality")


def downgrade() -> None:
    op.drop_table("acceptances", schema="quality")
    for column in ("emptied", "impact", "share"):
        op.drop_column("check_results", column, schema="quality")
    op.drop_column("check_runs", "another_day", schema="quality")
