"""The platform's tables in an empty database, and the import's ledger in schema quality.

A database that has the platform's tables keeps them as they are: `etl.adoption` compares them with ours and says what
is missing. One that is only there for rules has none, and nothing of ours refers to any.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    if context.config.attributes["mode"] == "create":
        _create_platform()
    _create_ledger()


def _to_team(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    if context.config.attributes["mode"] == "rules-only":
        return ()
    key = sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f(f"fk_{table}_team_id"), ondelete="CASCADE")
    return (key,)


def _create_platform() -> None:
    op.create_table(
        "clubs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("club_address", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clubs")),
        sa.UniqueConstraint("name", name=op.f("uq_clubs_name")),
    )
    op.create_table(
        "leagues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("league_id", sa.String(length=255), nullable=False),
        sa.Column("league_name", sa.String(length=255), nullable=False),
        sa.Column("league_url", sa.String(length=512), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leagues")),
        sa.UniqueConstraint("league_id", name=op.f("uq_leagues_league_id")),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("name", name=op.f("uq_series_name")),
    )
    op.create_table(
        "club_leagues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("club_id", sa.Integer(), nullable=False),
        sa.Column("league_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.ForeignKeyConstraint(["club_id"], ["clubs.id"], name=op.f("fk_club_leagues_club_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["league_id"], ["leagues.id"], name=op.f("fk_club_leagues_league_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_club_leagues")),
        sa.UniqueConstraint("club_id", "league_id", name=op.f("uq_club_leagues_club_id_league_id")),
    )
    op.create_table(
        "series_leagues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("league_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.ForeignKeyConstraint(
            ["league_id"], ["leagues.id"], name=op.f("fk_series_leagues_league_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_series_leagues_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_leagues")),
        sa.UniqueConstraint("series_id", "league_id", name=op.f("uq_series_leagues_series_id_league_id")),
    )
    op.create_table(
        "teams",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("club_id", sa.Integer(), nullable=True),
        sa.Column("series_id", sa.Integer(), nullable=True),
        sa.Column("league_id", sa.Integer(), nullable=True),
        sa.Column("team_name", sa.String(length=255), nullable=False),
        sa.Column("team_alias", sa.String(length=255), nullable=True),
        sa.Column("display_name", sa.String(length=255), nullable=True),
        sa.Column("external_team_id", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.ForeignKeyConstraint(["club_id"], ["clubs.id"], name=op.f("fk_teams_club_id")),
        sa.ForeignKeyConstraint(["league_id"], ["leagues.id"], name=op.f("fk_teams_league_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_teams_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("league_id", "series_id", "team_name", name="unique_team_in_series"),
    )
    op.create_index("ix_teams_series_id", "teams", ["series_id"], unique=False)
    op.create_table(
        "match_scores",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("match_date", sa.Date(), nullable=True),
        sa.Column("home_team", sa.Text(), nullable=True),
        sa.Column("away_team", sa.Text(), nullable=True),
        sa.Column("home_team_id", sa.Integer(), nullable=True),
        sa.Column("away_team_id", sa.Integer(), nullable=True),
        sa.Column("home_player_1_id", sa.Text(), nullable=True),
        sa.Column("home_player_2_id", sa.Text(), nullable=True),
        sa.Column("away_player_1_id", sa.Text(), nullable=True),
        sa.Column("away_player_2_id", sa.Text(), nullable=True),
        sa.Column("scores", sa.Text(), nullable=True),
        sa.Column("winner", sa.String(length=16), nullable=True),
        sa.Column("league_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.CheckConstraint("winner in ('home', 'away')", name=op.f("match_scores_winner_check")),
        sa.ForeignKeyConstraint(["away_team_id"], ["teams.id"], name=op.f("fk_match_scores_away_team_id")),
        sa.ForeignKeyConstraint(["home_team_id"], ["teams.id"], name=op.f("fk_match_scores_home_team_id")),
        sa.ForeignKeyConstraint(["league_id"], ["leagues.id"], name=op.f("fk_match_scores_league_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_scores")),
    )
    op.create_index("ix_match_scores_away_team_id", "match_scores", ["away_team_id"], unique=False)
    op.create_index("ix_match_scores_home_team_id", "match_scores", ["home_team_id"], unique=False)
    op.create_index("ix_match_scores_match_date", "match_scores", ["match_date"], unique=False)
    op.create_table(
        "players",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=255), nullable=True),
        sa.Column("last_name", sa.String(length=255), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("tenniscores_player_id", sa.String(length=255), nullable=False),
        sa.Column("club_id", sa.Integer(), nullable=True),
        sa.Column("series_id", sa.Integer(), nullable=True),
        sa.Column("league_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("pti", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("wins", sa.Integer(), nullable=True),
        sa.Column("losses", sa.Integer(), nullable=True),
        sa.Column("win_percentage", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("captain_status", sa.String(length=50), nullable=True),
        sa.Column("career_wins", sa.Integer(), nullable=True),
        sa.Column("career_losses", sa.Integer(), nullable=True),
        sa.Column("career_matches", sa.Integer(), nullable=True),
        sa.Column("career_win_percentage", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.ForeignKeyConstraint(["club_id"], ["clubs.id"], name=op.f("fk_players_club_id")),
        sa.ForeignKeyConstraint(["league_id"], ["leagues.id"], name=op.f("fk_players_league_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_players_series_id")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_players_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_players")),
    )
    op.create_index("ix_players_team_id", "players", ["team_id"], unique=False)
    op.create_index("ix_players_tenniscores_player_id", "players", ["tenniscores_player_id"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("match_date", sa.Date(), nullable=False),
        sa.Column("match_time", sa.Time(), nullable=True),
        sa.Column("home_team", sa.Text(), nullable=False),
        sa.Column("away_team", sa.Text(), nullable=False),
        sa.Column("home_team_id", sa.Integer(), nullable=True),
        sa.Column("away_team_id", sa.Integer(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("league_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.CheckConstraint(
            "home_team_id is not null or away_team_id is not null or strpos(home_team, 'Practice') > 0"
            " or starts_with(home_team, 'BYE') or starts_with(away_team, 'BYE')",
            name=op.f("schedule_team_id_not_null"),
        ),
        sa.CheckConstraint(
            "home_team_id <> away_team_id or home_team = away_team", name=op.f("schedule_no_self_match")
        ),
        sa.ForeignKeyConstraint(["away_team_id"], ["teams.id"], name=op.f("fk_schedule_away_team_id")),
        sa.ForeignKeyConstraint(["home_team_id"], ["teams.id"], name=op.f("fk_schedule_home_team_id")),
        sa.ForeignKeyConstraint(["league_id"], ["leagues.id"], name=op.f("fk_schedule_league_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("match_date", "home_team", "away_team", "league_id", name="unique_schedule_match"),
    )
    op.create_index("ix_schedule_away_team_id", "schedule", ["away_team_id"], unique=False)
    op.create_index("ix_schedule_home_team_id", "schedule", ["home_team_id"], unique=False)
    op.create_table(
        "series_stats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series", sa.String(length=255), nullable=True),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("points", sa.Numeric(precision=8, scale=2), nullable=True),
        sa.Column("matches_won", sa.Integer(), nullable=True),
        sa.Column("matches_lost", sa.Integer(), nullable=True),
        sa.Column("matches_tied", sa.Integer(), nullable=True),
        sa.Column("matches_percentage", sa.String(length=16), nullable=True),
        sa.Column("lines_won", sa.Integer(), nullable=True),
        sa.Column("lines_lost", sa.Integer(), nullable=True),
        sa.Column("lines_for", sa.Integer(), nullable=True),
        sa.Column("lines_ret", sa.Integer(), nullable=True),
        sa.Column("lines_percentage", sa.String(length=16), nullable=True),
        sa.Column("sets_won", sa.Integer(), nullable=True),
        sa.Column("sets_lost", sa.Integer(), nullable=True),
        sa.Column("sets_percentage", sa.String(length=16), nullable=True),
        sa.Column("games_won", sa.Integer(), nullable=True),
        sa.Column("games_lost", sa.Integer(), nullable=True),
        sa.Column("games_percentage", sa.String(length=16), nullable=True),
        sa.Column("league_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("series_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.ForeignKeyConstraint(["league_id"], ["leagues.id"], name=op.f("fk_series_stats_league_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_series_stats_series_id")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_series_stats_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_stats")),
    )
    op.create_index("ix_series_stats_team_id", "series_stats", ["team_id"], unique=False)
    op.create_table(
        "player_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("player_id", sa.Integer(), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("end_pti", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("series", sa.String(length=255), nullable=True),
        sa.Column("league_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["league_id"], ["leagues.id"], name=op.f("fk_player_history_league_id")),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name=op.f("fk_player_history_player_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_player_history")),
    )


def _create_ledger() -> None:
    op.create_table(
        "import_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("paths", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_runs")),
        schema="quality",
    )
    op.create_table(
        "import_feeds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("league", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("partial", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("records", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rejects", sa.Integer(), server_default="0", nullable=False),
        sa.Column("linked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unlinked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("newly_unlinked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("inserted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("withdrawn", sa.Integer(), server_default="0", nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reasons", JSONB(), server_default="[]", nullable=False),
        sa.Column("allowed", JSONB(), server_default="[]", nullable=False),
        sa.Column("leagues", JSONB(), server_default="{}", nullable=False),
        sa.Column("drift", JSONB(), server_default="{}", nullable=False),
        sa.Column("seconds", JSONB(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["quality.import_runs.id"], name=op.f("fk_import_feeds_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_feeds")),
        schema="quality",
    )
    op.create_index(
        "ix_import_feeds_kind_league", "import_feeds", ["kind", "league", "id"], unique=False, schema="quality"
    )
    op.create_table(
        "links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("league", sa.String(length=64), nullable=False),
        sa.Column("series", sa.String(length=255), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("strategy", sa.String(length=16), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("sides", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["quality.import_feeds.id"], name=op.f("fk_links_feed_id"), ondelete="CASCADE"
        ),
        *_to_team("links"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("league", "series", "name", name=op.f("uq_links_league_series_name")),
        schema="quality",
    )
    op.create_table(
        "rejects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["quality.import_feeds.id"], name=op.f("fk_rejects_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejects")),
        schema="quality",
    )
    op.create_index("ix_rejects_feed_id", "rejects", ["feed_id"], unique=False, schema="quality")
    op.create_table(
        "team_aliases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("league", sa.String(length=64), nullable=False),
        sa.Column("series", sa.String(length=255), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *_to_team("team_aliases"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_aliases")),
        sa.UniqueConstraint("league", "series", "name", name=op.f("uq_team_aliases_league_series_name")),
        schema="quality",
    )


def downgrade() -> None:
    """Takes away what is ours; the platform's tables stay."""
    for name in ("links", "team_aliases", "rejects", "import_feeds", "import_runs"):
        op.drop_table(name, schema="quality")
