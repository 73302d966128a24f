"""News: what each check found new or gone since yesterday, in a coach's words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "check_news",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("new", JSONB(), nullable=False),
        sa.Column("gone", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["quality.check_runs.id"], name=op.f("fk_check_news_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_check_news")),
        schema="quality",
    )


def downgrade() -> None:
    op.drop_table("check_news", schema="quality")
