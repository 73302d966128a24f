"""Deeds: who made a waiver, and who withdrew it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    for name in ("created_by", "withdrawn_by"):
        op.add_column("waivers", sa.Column(name, sa.Text(), nullable=True), schema="quality")


def downgrade() -> None:
    for name in ("withdrawn_by", "created_by"):
        op.drop_column("waivers", name, schema="quality")
