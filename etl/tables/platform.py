"""The one MetaData of both schemas, and the names that constraints get.

The platform's tables, schema `public`, with the names and types that a Rally database has.

`info["key"]` is a table's natural key: what names a row to a person and in a fingerprint. It never holds personal data.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    func,
    true,
)
from sqlalchemy.schema import conv

QUALITY = "quality"

metadata = MetaData(
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

leagues = Table(
    "leagues",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("league_id", String(255), nullable=False, unique=True),
    Column("league_name", String(255), nullable=False),
    Column("league_url", String(512)),
    info={"key": ("league_id",)},
)

clubs = Table(
    "clubs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("club_address", String(255)),
    info={"key": ("name",)},
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("display_name", String(255)),
    info={"key": ("name",)},
)

club_leagues = Table(
    "club_leagues",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("club_id", Integer, ForeignKey("clubs.id", ondelete="CASCADE"), nullable=False),
    Column("league_id", Integer, ForeignKey("leagues.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    UniqueConstraint("club_id", "league_id"),
    info={"key": ("club_id", "league_id")},
)

series_leagues = Table(
    "series_leagues",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    Column("league_id", Integer, ForeignKey("leagues.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    UniqueConstraint("series_id", "league_id"),
    info={"key": ("series_id", "league_id")},
)

teams = Table(
    "teams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("club_id", Integer, ForeignKey("clubs.id")),
    Column("series_id", Integer, ForeignKey("series.id")),
    Column("league_id", Integer, ForeignKey("leagues.id")),
    Column("team_name", String(255), nullable=False),
    Column("team_alias", String(255)),
    Column("display_name", String(255)),
    Column("external_team_id", String(255)),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    UniqueConstraint("league_id", "series_id", "team_name", name="unique_team_in_series"),
    Index("ix_teams_series_id", "series_id"),
    info={"key": ("league_id", "series_id", "team_name")},
)

players = Table(
    "players",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("first_name", String(255), info=PERSONAL),
    Column("last_name", String(255), info=PERSONAL),
    Column("email", String(255), info=PERSONAL),
    Column("tenniscores_player_id", String(255), nullable=False),
    Column("club_id", Integer, ForeignKey("clubs.id")),
    Column("series_id", Integer, ForeignKey("series.id")),
    Column("league_id", Integer, ForeignKey("leagues.id")),
    Column("team_id", Integer, ForeignKey("teams.id")),
    Column("pti", Numeric(10, 2)),
    Column("wins", Integer),
    Column("losses", Integer),
    Column("win_percentage", Numeric(5, 2)),
    Column("captain_status", String(50)),
    Column("career_wins", Integer),
    Column("career_losses", Integer),
    Column("career_matches", Integer),
    Column("career_win_percentage", Numeric(5, 2)),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    Index("ix_players_tenniscores_player_id", "tenniscores_player_id"),
    Index("ix_players_team_id", "team_id"),
    info={"key": ("tenniscores_player_id", "league_id", "club_id", "series_id")},
)

match_scores = Table(
    "match_scores",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("match_date", Date),
    Column("home_team", Text),
    Column("away_team", Text),
    Column("home_team_id", Integer, ForeignKey("teams.id")),
    Column("away_team_id", Integer, ForeignKey("teams.id")),
    Column("home_player_1_id", Text),
    Column("home_player_2_id", Text),
    Column("away_player_1_id", Text),
    Column("away_player_2_id", Text),
    Column("scores", Text),
    Column("winner", String(16)),
    Column("league_id", Integer, ForeignKey("leagues.id")),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    CheckConstraint("winner in ('home', 'away')", name=conv("match_scores_winner_check")),
    Index("ix_match_scores_match_date", "match_date"),
    Index("ix_match_scores_home_team_id", "home_team_id"),
    Index("ix_match_scores_away_team_id", "away_team_id"),
    info={"key": ("league_id", "match_date", "home_team", "away_team", "id")},
)

PRACTICE = "Practice"
"""What the home team of a practice row contains, such as "Tennaqua Practice - Chicago 22"."""
BYE = "BYE"
"""What the side that is no team starts with, such as "BYE - 11"."""

schedule = Table(
    "schedule",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("match_date", Date, nullable=False),
    Column("match_time", Time),
    Column("home_team", Text, nullable=False),
    Column("away_team", Text, nullable=False),
    Column("home_team_id", Integer, ForeignKey("teams.id")),
    Column("away_team_id", Integer, ForeignKey("teams.id")),
    Column("location", Text),
    Column("league_id", Integer, ForeignKey("leagues.id")),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    UniqueConstraint("match_date", "home_team", "away_team", "league_id", name="unique_schedule_match"),
    CheckConstraint(
        f"home_team_id is not null or away_team_id is not null or strpos(home_team, '{PRACTICE}') > 0"
        f" or starts_with(home_team, '{BYE}') or starts_with(away_team, '{BYE}')",
        name=conv("schedule_team_id_not_null"),
    ),
    # A feed may let a team meet itself ("Legends - Legends"): a rule reports that. Two different names that were
    # linked to one team are our own mistake, and refused.
    CheckConstraint("home_team_id <> away_team_id or home_team = away_team", name=conv("schedule_no_self_match")),
    Index("ix_schedule_home_team_id", "home_team_id"),
    Index("ix_schedule_away_team_id", "away_team_id"),
    info={"key": ("match_date", "home_team", "away_team", "league_id")},
)

series_stats = Table(
    "series_stats",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("series", String(255)),
    Column("team", String(255)),
    Column("points", Numeric(8, 2)),
    Column("matches_won", Integer),
    Column("matches_lost", Integer),
    Column("matches_tied", Integer),
    Column("matches_percentage", String(16)),
    Column("lines_won", Integer),
    Column("lines_lost", Integer),
    Column("lines_for", Integer),
    Column("lines_ret", Integer),
    Column("lines_percentage", String(16)),
    Column("sets_won", Integer),
    Column("sets_lost", Integer),
    Column("sets_percentage", String(16)),
    Column("games_won", Integer),
    Column("games_lost", Integer),
    Column("games_percentage", String(16)),
    Column("league_id", Integer, ForeignKey("leagues.id")),
    Column("team_id", Integer, ForeignKey("teams.id")),
    Column("series_id", Integer, ForeignKey("series.id")),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    Index("ix_series_stats_team_id", "team_id"),
    info={"key": ("league_id", "series", "team", "id")},
)

player_history = Table(
    "player_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("player_id", Integer, ForeignKey("players.id")),
    Column("date", Date),
    Column("end_pti", Numeric(10, 2)),
    Column("series", String(255)),
    Column("league_id", Integer, ForeignKey("leagues.id")),
    info={"key": ("player_id", "date", "league_id")},
)
