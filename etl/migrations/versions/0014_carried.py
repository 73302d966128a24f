"""Results that a later run carries over: what they rest on, and when they were measured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("check_results", sa.Column("carried", sa.DateTime(timezone=True)), schema="quality")
    op.add_column("check_states", sa.Column("basis", sa.String(length=64)), schema="quality")
    op.add_column("check_states", sa.Column("segments", JSONB()), schema="quality")


def downgrade() -> None:
    for table, name in (("check_states", "segments"), ("check_states", "basis"), ("check_results", "carried")):
        op.drop_column(table, name, schema="quality")
