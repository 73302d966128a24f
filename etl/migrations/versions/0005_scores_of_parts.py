"""Scores of leagues beside the score of a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    column = sa.Column("parts", JSONB(), server_default="{}", nullable=False)
    op.add_column("check_runs", column, schema="quality")


def downgrade() -> None:
    op.drop_column("check_runs", "parts", schema="quality")
