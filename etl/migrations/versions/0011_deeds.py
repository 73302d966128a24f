"""Deeds: who made a waiver, and who withdrew it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    for name in ("created_by", "withdrawn_by"):
        op.add_column("waivers", sa.Column(name, sa.Text(), nullable=True), schema="quality")
    _may_change("'withdrawn_at', 'withdrawn_by'")


def downgrade() -> None:
    _may_change("'withdrawn_at'")
    for name in ("withdrawn_by", "created_by"):
        op.drop_column("waivers", name, schema="quality")


def _may_change(columns: str) -> None:
    """Let only these columns of a waiver be written after it was made: they end it."""
    op.execute(sa.text("drop trigger append_only on quality.waivers"))
    refuse = f"for each row execute function quality.append_only({columns})"
    op.execute(sa.text(f"create trigger append_only before update or delete on quality.waivers {refuse}"))
