"""Cases of the domain references; those about the site's own tables: tests/checks/rules/test_incidents.py."""

from __future__ import annotations

from checks.rules import references
from etl.tables import club_leagues, series_leagues
from tests.checks.rules.case import Case
from tests.checks.rules.entries import ELSEWHERE, PLACE, Entry, club, in_series, league, team

THREE_PLACES = (*PLACE, *ELSEWHERE, league(3, "NSTF"), club(3, "Skokie"), in_series(3, "Series 3"))
LINKED_CLUB = Entry(club_leagues, {"club_id": 1, "league_id": 1})
LINKED_SERIES = Entry(series_leagues, {"series_id": 1, "league_id": 1})

CASES = (
    Case(
        references.club_without_league,
        good=[*THREE_PLACES, team(1), team(2), LINKED_CLUB, team(3, club_id=2, league_id=2, is_active=False)],
        bad=[team(4, league_id=2), team(5, club_id=2)],
        count=2,
        total=3,
    ),
    Case(
        references.series_without_league,
        good=[*THREE_PLACES, team(1), team(2), LINKED_SERIES, team(3, series_id=2, league_id=2, is_active=False)],
        bad=[team(4, league_id=2), team(5, series_id=2)],
        count=2,
        total=3,
    ),
)
