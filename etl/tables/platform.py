"""The platform's tables, schema `public`, with the names and types that a Rally database has; and the MetaData of all.

`info["key"]` is a table's natural key: what names a row to a person and in a fingerprint. It never holds personal data.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.schema import conv

QUALITY = "quality"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


PERSONAL = {"personal": True}
"""Marks a column that no report may show."""

leagues = sa.Table(
    "leagues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("league_id", sa.String(255), nullable=False, unique=True),
    sa.Column("league_name", sa.String(255), nullable=False),
    sa.Column("league_url", sa.String(512)),
    info={"key": ("league_id",)},
)

clubs = sa.Table(
    "clubs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("club_address", sa.String(255)),
    info={"key": ("name",)},
)

series = sa.Table(
    "series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("display_name", sa.String(255)),
    info={"key": ("name",)},
)

club_leagues = sa.Table(
    "club_leagues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("club_id", sa.Integer, sa.ForeignKey("clubs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.UniqueConstraint("club_id", "league_id"),
    info={"key": ("club_id", "league_id")},
)

series_leagues = sa.Table(
    "series_leagues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.UniqueConstraint("series_id", "league_id"),
    info={"key": ("series_id", "league_id")},
)

teams = sa.Table(
    "teams",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("club_id", sa.Integer, sa.ForeignKey("clubs.id")),
    sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id")),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id")),
    sa.Column("team_name", sa.String(255), nullable=False),
    sa.Column("team_alias", sa.String(255)),
    sa.Column("display_name", sa.String(255)),
    sa.Column("external_team_id", sa.String(255)),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.UniqueConstraint("league_id", "series_id", "team_name", name="unique_team_in_series"),
    sa.Index("ix_teams_series_id", "series_id"),
    info={"key": ("league_id", "series_id", "team_name")},
)

players = sa.Table(
    "players",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("first_name", sa.String(255), info=PERSONAL),
    sa.Column("last_name", sa.String(255), info=PERSONAL),
    sa.Column("email", sa.String(255), info=PERSONAL),
    sa.Column("tenniscores_player_id", sa.String(255), nullable=False),
    sa.Column("club_id", sa.Integer, sa.ForeignKey("clubs.id")),
    sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id")),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id")),
    sa.Column("team_id", sa.Integer, sa.ForeignKey("teams.id")),
    sa.Column("pti", sa.Numeric(10, 2)),
    sa.Column("wins", sa.Integer),
    sa.Column("losses", sa.Integer),
    sa.Column("win_percentage", sa.Numeric(5, 2)),
    sa.Column("captain_status", sa.String(50)),
    sa.Column("career_wins", sa.Integer),
    sa.Column("career_losses", sa.Integer),
    sa.Column("career_matches", sa.Integer),
    sa.Column("career_win_percentage", sa.Numeric(5, 2)),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Index("ix_players_tenniscores_player_id", "tenniscores_player_id"),
    sa.Index("ix_players_team_id", "team_id"),
    info={"key": ("tenniscores_player_id", "league_id", "club_id", "series_id")},
)

match_scores = sa.Table(
    "match_scores",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("match_date", sa.Date),
    sa.Column("home_team", sa.Text),
    sa.Column("away_team", sa.Text),
    sa.Column("home_team_id", sa.Integer, sa.ForeignKey("teams.id")),
    sa.Column("away_team_id", sa.Integer, sa.ForeignKey("teams.id")),
    sa.Column("home_player_1_id", sa.Text),
    sa.Column("home_player_2_id", sa.Text),
    sa.Column("away_player_1_id", sa.Text),
    sa.Column("away_player_2_id", sa.Text),
    sa.Column("scores", sa.Text),
    sa.Column("winner", sa.String(16)),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id")),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.CheckConstraint("winner in ('home', 'away')", name=conv("match_scores_winner_check")),
    sa.Index("ix_match_scores_match_date", "match_date"),
    sa.Index("ix_match_scores_home_team_id", "home_team_id"),
    sa.Index("ix_match_scores_away_team_id", "away_team_id"),
    info={"key": ("league_id", "match_date", "home_team", "away_team", "id")},
)

PRACTICE = "Practice"
"""What the home team of a practice row contains, in any case, such as "Tennaqua Practice - Chicago 22"."""
BYE = r"^\s*bye(\W|$)"
"""What the side that is no team is like, in any case, such as "BYE - 11", for Python and PostgreSQL."""


def is_practice_name(name: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the name of a home team is that of a practice time; false for NULL."""
    return _lowered(name).contains(PRACTICE.lower())


def is_bye_name(name: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the name of a side says that there is no team; false for NULL."""
    # rows that do not hold the letters at all, as nearly all, are spared the pattern: it takes twice as long
    pattern = sa.func.coalesce(name, "").regexp_match(BYE, flags="i")
    return sa.case((_lowered(name).contains("bye"), pattern), else_=sa.false())


def _lowered(name: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """A name to look for letters in; ILIKE would lower what is looked for as well, anew for each row."""
    return sa.func.lower(sa.func.coalesce(name, ""))


schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("match_date", sa.Date, nullable=False),
    sa.Column("match_time", sa.Time),
    sa.Column("home_team", sa.Text, nullable=False),
    sa.Column("away_team", sa.Text, nullable=False),
    sa.Column("home_team_id", sa.Integer, sa.ForeignKey("teams.id")),
    sa.Column("away_team_id", sa.Integer, sa.ForeignKey("teams.id")),
    sa.Column("location", sa.Text),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id")),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.UniqueConstraint("match_date", "home_team", "away_team", "league_id", name="unique_schedule_match"),
    sa.CheckConstraint(
        f"home_team_id is not null or away_team_id is not null or home_team ~* '{PRACTICE}'"
        f" or home_team ~* '{BYE}' or away_team ~* '{BYE}'",
        name=conv("schedule_team_id_not_null"),
    ),
    # A feed may let a team meet itself ("Legends - Legends"): a rule reports that. Two different names that were
    # linked to one team are our own mistake, and refused.
    sa.CheckConstraint("home_team_id <> away_team_id or home_team = away_team", name=conv("schedule_no_self_match")),
    sa.Index("ix_schedule_home_team_id", "home_team_id"),
    sa.Index("ix_schedule_away_team_id", "away_team_id"),
    info={"key": ("match_date", "home_team", "away_team", "league_id")},
)

series_stats = sa.Table(
    "series_stats",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("series", sa.String(255)),
    sa.Column("team", sa.String(255)),
    sa.Column("points", sa.Numeric(8, 2)),
    sa.Column("matches_won", sa.Integer),
    sa.Column("matches_lost", sa.Integer),
    sa.Column("matches_tied", sa.Integer),
    sa.Column("matches_percentage", sa.String(16)),
    sa.Column("lines_won", sa.Integer),
    sa.Column("lines_lost", sa.Integer),
    sa.Column("lines_for", sa.Integer),
    sa.Column("lines_ret", sa.Integer),
    sa.Column("lines_percentage", sa.String(16)),
    sa.Column("sets_won", sa.Integer),
    sa.Column("sets_lost", sa.Integer),
    sa.Column("sets_percentage", sa.String(16)),
    sa.Column("games_won", sa.Integer),
    sa.Column("games_lost", sa.Integer),
    sa.Column("games_percentage", sa.String(16)),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id")),
    sa.Column("team_id", sa.Integer, sa.ForeignKey("teams.id")),
    sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id")),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Index("ix_series_stats_team_id", "team_id"),
    info={"key": ("league_id", "series", "team", "id")},
)

player_history = sa.Table(
    "player_history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("player_id", sa.Integer, sa.ForeignKey("players.id")),
    sa.Column("date", sa.Date),
    sa.Column("end_pti", sa.Numeric(10, 2)),
    sa.Column("series", sa.String(255)),
    sa.Column("league_id", sa.Integer, sa.ForeignKey("leagues.id")),
    info={"key": ("player_id", "date", "league_id")},
)
