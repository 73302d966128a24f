"""Rows as the feeds hold them, to be changed by a test."""

from __future__ import annotations

from collections.abc import Mapping

from etl.kinds.kind import FeedKind
from etl.records import Record, Reject
from etl.records.feed_schema import Drift
from etl.records.validate import validate

FIXTURE: Mapping[str, object] = {
    "date": "09/24/2024", "time": "06:30 pm", "home_team": "Winnetka - 1", "away_team": "Glen Ellyn - 1",
    "location": "Glen Ellyn", "series": "Chicago 1", "League": "APTA_CHICAGO",
}  # fmt: skip
PRACTICE: Mapping[str, object] = {
    "date": "05/27/2025", "time": "8:30 PM", "Practice": "Tennaqua", "Series": "Chicago 22",
}  # fmt: skip
STANDING: Mapping[str, object] = {
    "series": "Chicago 1", "team": "Glenbrook RC - 1", "league_id": "APTA_CHICAGO", "points": 147,
    "matches": {"won": 14, "lost": 3, "tied": 1, "percentage": "77.8%"},
    "lines": {"won": 45, "lost": 26, "for": 2, "ret": 1, "percentage": "63.4%"},
    "sets": {"won": 92, "lost": 62, "percentage": "59.7%"},
    "games": {"won": 777, "lost": 667, "percentage": "53.8%"},
}  # fmt: skip
PLAYER: Mapping[str, object] = {
    "League": "CNSWPL", "Series": "Division 1", "Series Mapping ID": "Birchwood 1", "Club": "Birchwood 1",
    "Location ID": "BIRCHWOOD_1", "Player ID": "nndz-1", "First Name": "Facag", "Last Name": "Takudam", "PTI": "45.3",
    "Wins": "17", "Losses": "2", "Win %": "89.5%", "Captain": "C",
}  # fmt: skip
MATCH: Mapping[str, object] = {
    "league_id": "APTA_CHICAGO", "match_id": "nndz-W_Line1", "source_league": "APTA_CHICAGO", "Line": "Line 1",
    "Date": "11-Feb-25", "Home Team": "Michigan Shores - 22", "Away Team": "Lake Forest - 22",
    "Home Player 1": "Bibot Fesulip", "Home Player 2": "Zotim Fesulip", "Home Player 1 ID": "h1",
    "Home Player 2 ID": "h2", "Away Player 1": "Duguh Ziginah", "Away Player 2": "Cejek Sinaten",
    "Away Player 1 ID": "a1", "Away Player 2 ID": "a2", "Scores": "7-5, 6-2", "Winner": "home",
}  # fmt: skip


HISTORY: Mapping[str, object] = {
    "league_id": "CNSWPL", "player_id": "nndz-1", "name": "Facag Takudam", "first_name": "Facag",
    "last_name": "Takudam", "series": "Division 1", "club": "Birchwood", "rating": "45.3", "wins": 17, "losses": 2,
    "matches": [{"date": "01/15/2025", "end_pti": "45.3", "series": "Division 1"}],
}  # fmt: skip
SOUND = {
    "series_stats": STANDING,
    "players": PLAYER,
    "schedules": FIXTURE,
    "match_history": MATCH,
    "player_history": HISTORY,
}
"""A row that is taken, by the name of its kind."""


def check(kind: FeedKind, row: object, *, league: str = "all", drift: Drift | None = None) -> Record | Reject:
    """What becomes of one row."""
    (outcome,) = validate(kind.schema, [row], league, drift=drift)
    return outcome


def reason(kind: FeedKind, row: object) -> str:
    """Why one row is rejected."""
    outcome = check(kind, row)
    assert isinstance(outcome, Reject)
    return outcome.reason


def without(row: Mapping[str, object], *keys: str) -> dict[str, object]:
    """The row without some keys."""
    return {key: value for key, value in row.items() if key not in keys}
