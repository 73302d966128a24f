"""Which rows of the platform's tables feeds have brought or matched, as ranges of their ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE

revision = "0008"
down_revision = "0007"

TABLES = "schedule", "match_scores", "players", "series_stats", "player_history"
# Where this product made the tables, nothing else has filled them: what is there came with feeds.
CLAIM = """
insert into quality.provenance ("table", ids)
select '{table}', range_agg(int8range(id, id, '[]')) from public.{table}
where exists (select from quality.additions where kind = 'table') having count(*) > 0
"""


def upgrade() -> None:
    op.create_table(
        "provenance",
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("ids", INT8MULTIRANGE(), nullable=False),
        sa.PrimaryKeyConstraint("table", name=op.f("pk_provenance")),
        schema="quality",
    )
    for table in TABLES:
        exists = sa.text("select to_regclass(:name)")
        if op.get_bind().scalar(exists, {"name": f"public.{table}"}) is not None:
            op.execute(CLAIM.format(table=table))


def downgrade() -> None:
    op.drop_table("provenance", schema="quality")
