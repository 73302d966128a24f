"""Cases of the domain teams."""

from __future__ import annotations

from checks.rules.teams import names, references
from tests.checks.rules.case import Case
from tests.checks.rules.entries import PLACE, in_series, league, team

CASES = (
    Case(
        references.team_of_unknown_league,
        good=[*PLACE, team(1)],
        bad=[team(2, league_id=9), team(3, league_id=None)],
        count=2,
    ),
    Case(
        references.team_of_unknown_series,
        good=[*PLACE, team(1)],
        bad=[team(2, series_id=9), team(3, series_id=None)],
        count=2,
    ),
    Case(
        references.team_of_unknown_club,
        good=[*PLACE, team(1)],
        bad=[team(2, club_id=9), team(3, club_id=None)],
        count=2,
    ),
    Case(references.league_without_teams, good=[*PLACE, team(1)], bad=[league(2, "CITA")]),
    Case(
        names.duplicate_team,
        good=[*PLACE, in_series(2, "Series 2"), team(1, "Evanston"), team(2, "Evanston", series_id=2)],
        bad=[team(3, "Evanston"), team(4, "Evanston", series_id=2), team(5, "Evanston")],
        count=3,
    ),
)
