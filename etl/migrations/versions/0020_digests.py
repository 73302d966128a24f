"""Sums of hashes, by which very many bad rows are known to be those of the run before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("check_states", sa.Column("digest", sa.Text()), schema="quality")


def downgrade() -> None:
    op.drop_column("check_states", "digest", schema="quality")
