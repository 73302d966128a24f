"""Parts of feeds: each league's rows, published or held, with the change profile and the rows of what is held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    held = sa.Column("held", sa.Integer(), server_default="0", nullable=False)
    op.add_column("import_feeds", held, schema="quality")
    op.create_table(
        "import_parts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("league", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("counts", JSONB(), nullable=False),
        sa.Column("profile", JSONB(), nullable=False),
        sa.Column("reasons", JSONB(), server_default="[]", nullable=False),
        sa.Column("allowed", JSONB(), server_default="[]", nullable=False),
        sa.Column("names", JSONB(), server_default="[]", nullable=False),
        sa.Column("watch", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closing", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["quality.import_feeds.id"], name=op.f("fk_import_parts_feed_id_import_feeds"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_parts")),
        schema="quality",
    )  # fmt: skip
    op.create_index("ix_import_parts_feed_id", "import_parts", ["feed_id"], schema="quality")
    op.create_index(
        "ix_import_parts_held", "import_parts", ["kind", "league"], schema="quality",
        postgresql_where=sa.text("outcome = 'held' and closed_at is null"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("import_parts", schema="quality")
    op.drop_column("import_feeds", "held", schema="quality")
