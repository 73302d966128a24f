"""What `init` added to the platform's schema, so that it can be taken away again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"

# Earlier revisions kept no record: what bears a name that only we give was added by them.
CONSTRAINTS = "unique_schedule_match", "schedule_team_id_not_null", "schedule_no_self_match"
RECORD = sa.text("""
insert into quality.additions (kind, "table", name)
select 'table', c.relname, c.relname from pg_class c join pg_constraint k on k.conrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relname = any(:tables) and k.conname = 'pk_' || c.relname
union all
select 'constraint', c.relname, k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid
where c.relnamespace = 'public'::regnamespace and c.relname = any(:tables) and k.contype in ('c', 'f', 'p', 'u')
  and (k.conname = any(:constraints)
       or exists (select from pg_constraint p where p.conrelid = c.oid and p.conname = 'pk_' || c.relname))
union all
select 'index', t.relname, c.relname from pg_index i
join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
where t.relnamespace = 'public'::regnamespace and c.relname = any(:indexes)
""")
TABLES = (
    "leagues", "clubs", "series", "club_leagues", "series_leagues", "teams", "players", "match_scores", "schedule",
    "series_stats", "player_history",
)  # fmt: skip
INDEXES = (
    "ix_teams_series_id", "ix_match_scores_away_team_id", "ix_match_scores_home_team_id", "ix_match_scores_match_date",
    "ix_players_team_id", "ix_players_tenniscores_player_id", "ix_schedule_away_team_id", "ix_schedule_home_team_id",
    "ix_series_stats_team_id",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "additions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_additions")),
        sa.UniqueConstraint("kind", "table", "name", name=op.f("uq_additions_kind_table_name")),
        schema="quality",
    )
    if context.config.attributes["started_at"] is not None:
        names = {"tables": TABLES, "constraints": CONSTRAINTS, "indexes": INDEXES}
        op.get_bind().execute(RECORD, {name: list(values) for name, values in names.items()})


def downgrade() -> None:
    op.drop_table("additions", schema="quality")
