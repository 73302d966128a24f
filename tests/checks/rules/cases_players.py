"""Cases of the domain players."""

from __future__ import annotations

from checks.rules import players
from tests.checks.rules.case import Case
from tests.checks.rules.entries import ELSEWHERE, TWO_TEAMS, player, team

NAMELESS = tuple(
    player(number + place, **{column: value})
    for place, (column, value) in enumerate((("first_name", None), ("last_name", None), ("league_id", None),
                                             ("club_id", None), ("first_name", " "), ("last_name", "")))
    for number in (20, 20 + 30)
)  # fmt: skip
"""Pairs that would be namesakes if what is not known were a name or a place."""

CASES = (
    Case(
        players.player_without_name,
        good=[player()],
        bad=[player(2, first_name=None), player(3, last_name=" ")],
        count=2,
        total=3,
    ),
    Case(
        players.player_without_place,
        good=[player(), player(2, team_id=None)],
        bad=[player(3, league_id=None), player(4, club_id=None), player(5, series_id=None)],
        count=3,
        total=5,
    ),
    Case(
        players.player_without_team,
        good=[player(), player(2, team_id=None, is_active=False)],
        bad=[player(3, team_id=None)],
        total=2,
    ),
    Case(
        players.malformed_player_id,
        good=[
            player(tenniscores_player_id="nndz-WkMrK3didjlnUT09"),
            player(tenniscores_player_id="cnswpl_WkMrK3dMMzdndz09"), player(tenniscores_player_id="nndz-WkMrK3di"),
            player(tenniscores_player_id="cnswpl-WkMrK3dMMzdndz07"), player(tenniscores_player_id="nndz_WkMrK3didjln"),
        ],
        bad=[
            player(tenniscores_player_id=""), player(tenniscores_player_id="Jane Doe"),
            player(tenniscores_player_id="nndz-"), player(tenniscores_player_id="nndz-WkMrK3 idjlnUT09"),
            player(tenniscores_player_id="aptach-WkMrK3didjlnUT09"), player(tenniscores_player_id="cnswpl-WkMrK3d"),
        ],
        count=6,
        total=11,
    ),
    Case(
        players.pti_out_of_range,
        good=[player(pti=-30), player(2, pti=100), player(3, pti=None)],
        bad=[player(4, pti=100.5), player(5, pti=-31)],
        count=2,
        total=4,
    ),
    Case(
        players.win_percentage_contradicts_record,
        good=[
            player(wins=2, losses=1, win_percentage=66.7), player(2, wins=0, losses=0, win_percentage=0),
            player(3, wins=1, losses=0), player(4, win_percentage=50),
            player(7, wins=None, losses=None, win_percentage=None),
        ],
        bad=[player(5, wins=2, losses=1, win_percentage=67), player(6, wins=0, losses=0, win_percentage=50)],
        count=2,
        total=5,
    ),
    Case(
        players.impossible_player_record,
        good=[player(wins=0, losses=0, career_matches=10_000)],
        bad=[player(2, wins=-1), player(3, career_matches=10_001), player(4, losses=-1), player(5, career_wins=10_001),
             player(6, career_losses=-1)],
        count=5,
        total=6,
    ),
    Case(
        players.more_wins_than_matches,
        good=[player(career_wins=8, career_matches=8), player(2, career_wins=8)],
        bad=[player(3, career_wins=9, career_matches=8)],
        total=3,
    ),
    Case(
        players.duplicate_player,
        good=[
            *TWO_TEAMS, *ELSEWHERE, player(), player(series_id=2), player(club_id=2), player(league_id=2),
            player(team_id=2), player(3, series_id=None), player(3, club_id=None), player(3, league_id=None),
        ],
        bad=[player(), player(team_id=None), player(2, team_id=None), player(2, team_id=None)],
        count=3,
        total=12,
    ),
    Case(
        players.person_under_two_ids,
        good=[*TWO_TEAMS, *ELSEWHERE, player(), player(series_id=2), player(9, first_name="Secret 1", club_id=2),
              *NAMELESS],
        bad=[player(2, first_name="secret 1 "), player(3, first_name="SECRET 1")],
        count=2,
        total=17,
    ),
    Case(
        players.player_of_unknown_team,
        good=[*TWO_TEAMS, player(), player(2, team_id=None)],
        bad=[player(3, team_id=9)],
        total=3,
    ),
    Case(
        players.player_of_team_of_another_league,
        good=[*TWO_TEAMS, *ELSEWHERE, player(), player(2, team_id=None, league_id=2), player(3, team_id=9)],
        bad=[player(4, league_id=2)],
        total=2,
    ),
    Case(
        players.player_of_team_of_another_series,
        good=[*TWO_TEAMS, *ELSEWHERE, player(), player(2, team_id=None, series_id=2), player(3, series_id=None),
              team(3, series_id=2), player(5, team_id=3, series_id=2), player(6, team_id=9)],
        bad=[player(4, series_id=2)],
        total=4,
    ),
    Case(
        players.team_without_captain,
        good=[*TWO_TEAMS, player(captain_status="CC"), player(2), team(3, is_active=False), player(3, team_id=3),
              team(4), player(6, team_id=4, is_active=False), team(5), player(8, team_id=5, is_active=False)],
        bad=[player(4, team_id=2, captain_status=""), player(5, team_id=2),
             player(7, team_id=2, captain_status="C", is_active=False)],
        total=2,
    ),
    Case(
        players.career_below_season,
        good=[player(career_wins=0, career_losses=0, career_matches=0, wins=3),
              player(2, career_wins=3, career_losses=2, career_matches=5, wins=3, losses=2),
              player(5, career_wins=None, career_losses=None, career_matches=1, wins=None, losses=None),
              player(6, career_wins=None, career_losses=None, career_matches=0, wins=None, losses=None),
              player(7, career_wins=1, career_losses=2, career_matches=None, wins=4, losses=3)],
        bad=[player(3, career_wins=3, career_losses=4, career_matches=7, wins=4, losses=2),
             player(4, career_wins=5, career_losses=1, career_matches=6, wins=2, losses=3)],
        count=2,
        total=4,
    ),
    Case(
        players.career_matches_of_players,
        good=[player(2, career_matches=None)],
        bad=[player(career_matches=40), player(3, career_matches=50)],
        value=90,
        earlier=(100, 100, 100),
    ),
    Case(
        players.substitute_as_player,
        good=[player(), player(2, last_name="Sims"), player(3, last_name="Os(s"),
              player(6, first_name="Ann (Jo)", last_name="Sims (Jr)")],
        bad=[player(4, last_name="Sims(S)"), player(5, first_name="Ann (sub)")],
        count=2,
        total=6,
    ),
    Case(
        players.player_id_of_two_leagues,
        good=[*TWO_TEAMS, *ELSEWHERE, player(), player(2, league_id=2), player(club_id=2), player(7, league_id=None)],
        bad=[player(2), player(1, league_id=2)],
        count=2,
        total=6,
    ),
    Case(
        players.doubled_roster,
        good=[*TWO_TEAMS, *ELSEWHERE, player(), player(2), player(club_id=2), *NAMELESS],
        bad=[player(3, first_name="Secret 1"), player(4, first_name="secret 2 ")],
        count=2,
        total=17,
    ),
    Case(
        players.series_with_players,
        good=[*TWO_TEAMS, *ELSEWHERE, player(), player(2), player(3, league_id=2)],
        bad=[player(4, series_id=2), player(5, series_id=None), player(6, series_id=2)],
        value=3,
        earlier=(4, 4, 4),
    ),
    Case(
        players.players_of_league,
        good=[*TWO_TEAMS, *ELSEWHERE, player(2, league_id=2)],
        bad=[player(), player(3)],
        value=2,
        earlier=(3, 3, 3),
        parameter="CNSWPL",
    ),
)  # fmt: skip
