"""Cases of the domain teams."""

from __future__ import annotations

from checks.rules import teams
from tests.checks.rules.case import Case
from tests.checks.rules.entries import (
    DAY,
    PLACE,
    TODAY,
    TWO_TEAMS,
    in_series,
    league,
    match,
    no_matches,
    player,
    standing,
    team,
)

CASES = (
    Case(
        teams.team_of_unknown_league,
        good=[*PLACE, team(1)],
        bad=[team(2, league_id=9), team(3, league_id=None)],
        count=2,
        total=3,
    ),
    Case(
        teams.team_of_unknown_series,
        good=[*PLACE, team(1)],
        bad=[team(2, series_id=9), team(3, series_id=None)],
        count=2,
        total=3,
    ),
    Case(
        teams.team_of_unknown_club,
        good=[*PLACE, team(1)],
        bad=[team(2, club_id=9), team(3, club_id=None)],
        count=2,
        total=3,
    ),
    Case(teams.league_without_teams, good=[*PLACE, team(1)], bad=[league(2, "CITA")], total=2),
    Case(
        teams.duplicate_team,
        good=[
            *PLACE, in_series(2, "Series 2"), team(1, "Evanston"), team(2, "Evanston", series_id=2), team(6, "Skokie"),
            team(7, "Evanston", league_id=2), team(8, "Evanston", league_id=None),
            team(9, "Evanston", series_id=None),
        ],
        bad=[
            team(3, "Evanston"), team(4, "Evanston", series_id=2), team(5, "Evanston"),
            team(10, "Evanston", league_id=None), team(11, "Evanston", series_id=None),
        ],
        count=5,
        total=11,
    ),
    Case(
        teams.twin_team,
        good=[
            *PLACE, in_series(2, "Division 2"), in_series(3, "Chicago 1"), team(1, "Birchwood - 11"),
            team(2, "Birchwood - 11", series_id=2), team(3, "Evanston H(1)"), team(4, "Evanston H(2)"),
            team(5, "Prairie Club I"), team(6, "Prairie Club II"), team(7, "Evanston H(1)"),
            team(8, "Birchwood 11", league_id=2), team(9, "Evanston H 1", series_id=2),
            team(10, "Birchwood 11", league_id=None), team(14, "Lake Bluff", series_id=None),
        ],
        bad=[
            team(11, "Birchwood - 11 (Division 11)"), team(12, "birchwood 11", series_id=3),
            team(13, "Prairie Club I - Series 1"),
        ],
        count=3,
        total=14,
    ),
    Case(
        teams.team_name_off_pattern,
        good=[
            *PLACE, in_series(2, "Series 2A"), in_series(3, "Chicago 9 SW"), in_series(4, "Series H"), team(1),
            team(2, "Hinsdale PC 1b"), team(3, "Wilmette S2A T2", series_id=2), team(4, "Winnetka - 9 SW", series_id=3),
            team(5, "Evanston H(1)", series_id=4), team(6, "Wilmette H (2)", series_id=4),
            # a league that never names the series in its teams' names
            league(2, "CITA"), team(8, "River Trails", league_id=2), team(9, "Midtown", league_id=2),
            # four of five names say it, which is enough to be judged; three of four are not
            league(3, "NSTF"), *(team(id, f"Lake S1 T{id - 20}", league_id=3) for id in range(20, 24)),
            league(4, "APTA"), *(team(id, f"Lake {id} 1", league_id=4) for id in range(31, 34)),
            team(34, "Skokie", league_id=4),
            # the letter of a series is no ending that tells two teams apart
            league(5, "ABC"), *(team(id, f"Lake {id} S2A", league_id=5, series_id=2) for id in range(41, 44)),
        ],
        bad=[team(7, "Middlefork"), team(24, "Glenview", league_id=3)],
        count=2,
        total=15,
    ),
    Case(
        teams.team_with_untidy_name,
        good=[*PLACE, team(1, "Lake Forest S1"), team(2, "College Park - East")],
        bad=[team(3, "Lake Forest  S1"), team(4, " - 9 SW"), team(5, "Skokie "), team(6, "- 9")],
        count=4,
        total=6,
    ),
    Case(
        teams.team_without_players,
        good=[
            *TWO_TEAMS, player(1), player(2, team_id=2), team(3, is_active=False),
            league(2, "CITA"), team(4, league_id=2), player(4, league_id=2, team_id=None, is_active=False),
        ],
        bad=[team(5), player(5, team_id=5, is_active=False)],
        total=3,
    ),
    Case(
        teams.team_without_standings,
        good=[
            *TWO_TEAMS, standing(1), standing(2), team(3, is_active=False),
            league(2, "CITA"), team(4, league_id=2),
        ],
        bad=[team(5)],
        total=3,
    ),
    Case(
        teams.retired_team_with_match_ahead,
        good=[
            *TWO_TEAMS, team(3, is_active=False), team(4, is_active=False), match(1, 2),
            match(3, 1, TODAY - DAY), match(1, 4, TODAY - DAY), match(None, 1), match(1, None),
            team(5, is_active=False), *no_matches(TODAY, 5, 1), *no_matches(TODAY, 1, 5),
        ],
        bad=[match(1, 3), match(4, 2)],
        count=2,
        total=5,
    ),
)  # fmt: skip
