"""Corrections of feeds, ids that people have in feeds of another scheme, and stops of one league and kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
OPEN = sa.text("resumed_at is null")


def upgrade() -> None:
    made = sa.Column("corrections", JSONB(), server_default="[]", nullable=False)
    op.add_column("import_parts", made, schema="quality")
    op.create_table(
        "person_ids",
        sa.Column("league", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("player_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("league", "id", name=op.f("pk_person_ids")),
        schema="quality",
    )
    for name, length in (("league", 64), ("kind", 32)):
        column = sa.Column(name, sa.String(length=length), server_default="", nullable=False)
        op.add_column("import_stops", column, schema="quality")
    op.drop_index("uq_import_stops_open", "import_stops", schema="quality")
    op.create_index(
        "uq_import_stops_open", "import_stops", ["league", "kind"], unique=True, schema="quality", postgresql_where=OPEN
    )


def downgrade() -> None:
    narrower = sa.text("delete from quality.import_stops where league <> '' or kind <> ''")
    op.drop_index("uq_import_stops_open", "import_stops", schema="quality")
    op.execute(narrower)
    for name in ("kind", "league"):
        op.drop_column("import_stops", name, schema="quality")
    op.create_index(
        "uq_import_stops_open", "import_stops", [sa.text("(resumed_at is null)")], unique=True, schema="quality",
        postgresql_where=OPEN,
    )  # fmt: skip
    op.drop_table("person_ids", schema="quality")
    op.drop_column("import_parts", "corrections", schema="quality")
