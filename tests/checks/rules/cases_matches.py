"""Cases of the domain matches."""

from __future__ import annotations

from typing import Any

from checks.rules import matches
from tests.checks.rules.case import Case
from tests.checks.rules.entries import (
    DAY,
    ELSEWHERE,
    FOREVER,
    NEVER,
    TODAY,
    TWO_TEAMS,
    Entry,
    club,
    league,
    match,
    no_matches,
    played,
    player,
    player_id,
    practice,
    scored,
    team,
)

PLAYERS = ("home_player_1_id", "home_player_2_id", "away_player_1_id", "away_player_2_id")


def alone(seat: str, number: int = 1, home: int = 1, away: int = 2, **values: Any) -> Entry:
    """A result that names one player."""
    return played(home, away, **{**dict.fromkeys(PLAYERS), seat: player_id(number), **values})


def nameless(**values: Any) -> Entry:
    """A result that names no player."""
    return played(**{**dict.fromkeys(PLAYERS), **values})


# a result of that day without its teams, by how its name meets that of a fixture's side: longer, shorter, swapped
UNSURE = (
    ("Ab Two", "?"), ("A", "?"), ("B Two", "?"), ("Bc", "?"), ("?", "Ab Two"), ("?", "A"), ("?", "B Two"), ("?", "Bc")
)  # fmt: skip
FIXTURE_NAMES = (
    ("Ab", "B"),
    ("Ab", "B"),
    ("Ab", "B"),
    ("Xy", "Bcd"),
    ("Ab", "B"),
    ("Ab", "X"),
    ("Ab", "B"),
    ("A", "Bcd"),
)


RESULTS = (
    Case(
        matches.winner_neither_home_nor_away,
        good=[scored("6-4, 6-4", "home"), scored("4-6, 4-6", "away"), scored("February 28, 2025", None)],
        bad=[scored("6-4, 6-4", "unknown"), scored("6-4, 6-4", "nndz-1"), scored("6-4, 6-4", "")],
        count=3,
        total=6,
    ),
    Case(
        matches.malformed_score,
        good=[
            scored("6-4, 6-4", "home"), scored("6-1, 6-6 [8-9]", "home"), scored("6-4, 3-6, [10-7]", "home"),
            scored("6-4 2-1 ret.", "home"), scored("walkover", "away"), scored("7-6 (5), 6-3", "home"),
            scored("February 28, 2025", None), scored(None, None),
        ],
        bad=[
            scored("0-6, 0.3-6, 5-5", "away"), scored("February 28, 2025", "home"), scored(None, "home"),
            scored("", "away"),
        ],
        count=4,
        total=10,
    ),
    Case(
        matches.winner_contradicts_score,
        good=[scored("6-4, 6-4", "home"), scored("4-6, 4-6", "away"), scored("6-2, 4-5", "away"), scored(None, "home"),
              scored("4-6, 4-6", "nobody"), scored("4-6, 4-6", None), scored("6-1, 4-6, 6-2", "home"),
              scored("1-6, 6-4, 2-6", "away")],
        bad=[scored("6-4, 6-4", "away"), scored("6-4, 3-6, 1-0 [10-7]", "away"), scored("4-6, 4-6", "home")],
        count=3,
        total=8,
    ),
    Case(
        matches.tiebreak_contradicts_set,
        good=[scored("7-6 [7-5], 6-7 [5-7]", "home"), scored("7-6 [12-10], 6-4", "home"), scored("6-4, 7-6", "home"),
              scored(None, "home")],
        bad=[scored("6-7 [7-2], 6-4", "home"), scored("7-6 [3-6], 10-8", "away"), scored("6-7 [10-8], 6-4", None)],
        count=3,
        total=5,
    ),
    Case(
        matches.undecided_match_with_score,
        good=[scored("6-4, 4-6, 0-1", None), scored("February 28, 2025", None), scored("6-4, 6-4", "home"),
              scored(None, None)],
        bad=[scored("6-4, 6-4", None), scored("4-6, 4-6", None)],
        count=2,
        total=4,
    ),
    Case(
        matches.result_from_the_future,
        good=[played(day=TODAY), played(day=TODAY + DAY, winner=None)],
        bad=[played(day=TODAY + DAY)],
        total=3,
    ),
    Case(matches.result_without_date, good=[played()], bad=[played(match_date=None)], total=2),
)  # fmt: skip

PEOPLE = (
    Case(
        matches.player_on_both_sides,
        good=[played(), played(home_player_1_id=None, away_player_1_id=None)],
        bad=[played(1, 2, TODAY, **{away: player_id(home)}) for away in PLAYERS[2:] for home in (1, 2)],
        count=4,
        total=6,
    ),
    Case(
        matches.player_twice_in_pair,
        good=[played(), played(home_player_1_id=None, home_player_2_id=None)],
        bad=[played(home_player_2_id=player_id(1)), played(away_player_2_id=player_id(3))],
        count=2,
        total=4,
    ),
    Case(
        matches.result_with_missing_player,
        good=[
            played(), played(winner=None, home_player_2_id=None),
            played(home_player_1_id=None, home_player_2_id=None, away_player_1_id=None, away_player_2_id=None),
        ],
        bad=[
            played(home_player_2_id=None), played(home_player_1_id=None), played(away_player_1_id=None),
            played(away_player_2_id=None),
        ],
        count=4,
        total=5,
    ),
    Case(
        matches.result_of_unknown_player,
        good=[*TWO_TEAMS, *map(player, (1, 2, 3, 4)), played(), *ELSEWHERE, played(league_id=2), played(league_id=3),
              *(alone(seat) for seat in PLAYERS)],
        bad=[
            played(home_player_1_id=player_id(9)), player(8, league_id=2, club_id=2),
            played(away_player_1_id=player_id(8)),
            # one person in two teams, of which one is not known
            played(home_player_1_id=player_id(7)), played(None, 2, home_player_1_id=player_id(7)),
        ],
        # a league with some players is judged by them: the other league's result has four unknown ones
        count=8,
        total=28,
    ),
    Case(
        matches.player_of_another_club,
        good=[
            *TWO_TEAMS, team(3), club(2, "Birchwood"), player(1), player(2, team_id=3), player(3), player(4, team_id=2),
            played(), played(home_player_1_id=player_id(9)), played(None, 2, home_player_1_id=player_id(5)),
        ],
        bad=[player(5, club_id=2), played(home_player_1_id=player_id(5))],
        total=13,
    ),
    Case(  # on every seat; of a member whose club is not known, and of a team without one, nobody can say
        matches.player_of_another_club,
        good=[
            *ELSEWHERE, *TWO_TEAMS, team(3, club_id=None), player(1), player(2),
            player(6, club_id=None), player(6, club_id=2), alone("home_player_1_id", 6), alone("home_player_2_id", 1),
            alone("home_player_1_id", 1, home=3), player(8, club_id=2, league_id=2), alone("away_player_1_id", 8),
        ],
        bad=[
            player(5, club_id=2), player(7, club_id=2), player(7, league_id=2), alone("home_player_2_id", 7),
            *(alone(seat, 5) for seat in PLAYERS),
        ],
        count=5,
        total=7,
    ),
)  # fmt: skip

FIXTURES = (
    Case(
        matches.result_of_team_against_itself,
        good=[played(1, 2), played(1, None), played(None, 2)],
        bad=[played(1, 1), played(1, 1, away_team="Winnetka I"), played(1, None, away_team="Winnetka 1")],
        count=3,
        total=6,
    ),
    Case(
        matches.result_without_teams,
        good=[played()],
        bad=[played(1, None), played(None, 2), played(None, None)],
        count=3,
        total=4,
    ),
    Case(
        matches.result_of_unknown_team,
        good=[*TWO_TEAMS, *ELSEWHERE, team(3, series_id=2), played(), played(3, None)],
        bad=[played(3, 9), played(8, 1), played(9, 8)],
        count=3,
        total=5,
    ),
    Case(
        matches.duplicate_result,
        good=[
            *TWO_TEAMS, played(), played(scores="6-3, 6-3"), played(day=TODAY - DAY),
            *(played(1, 2, TODAY, **{seat: player_id(9)}) for seat in PLAYERS),
            played(league_id=2), played(home_team="A"), played(away_team="A"), *[nameless()] * 3,
        ],
        bad=[played(), played(), *(alone(seat) for seat in PLAYERS for _ in range(2))],
        count=6,
        total=20,
    ),
    Case(
        matches.duplicate_result_without_players,
        good=[
            *TWO_TEAMS, nameless(), nameless(scores="6-3, 6-3"), nameless(day=TODAY - DAY), played(), played(),
            nameless(home_team="A"), nameless(away_team="A"), nameless(league_id=None), nameless(scores="6-2, 6-2"),
            *(alone(seat) for seat in PLAYERS),
            *[nameless(scores="0-6, 0-6")] * 3, *[nameless(scores="6-0, 6-0")] * 3, *[nameless(scores=None)] * 2,
        ],
        bad=[nameless(), nameless(), nameless(scores="0-6, 6-1, 6-0"), nameless(scores="0-6, 6-1, 6-0")],
        count=3,
        total=11,
    ),
    Case(
        matches.result_without_fixture,
        good=[*TWO_TEAMS, team(3), team(4), match(1, 2), match(1, 4), match(2, 3), played(2, 1, TODAY - 42 * DAY),
              played(1, None), played(None, 1)],
        bad=[played(1, 2, TODAY + 43 * DAY), played(1, 3), played(4, 2)],
        count=3,
        total=4,
    ),
    Case(
        matches.fixture_without_result,
        good=[
            *TWO_TEAMS, team(3), team(4), match(1, 2, TODAY - 20 * DAY), played(2, 1, TODAY - 10 * DAY),
            match(3, 4, TODAY - 6 * DAY), match(3, None, TODAY - 20 * DAY), practice(day=TODAY - 20 * DAY),
            # who played that day is not known
            match(3, 4, TODAY - 30 * DAY), played(None, None, TODAY - 30 * DAY, home_team="winnetka", away_team="?"),
            played(2, 1, TODAY - 40 * DAY),
            # a league without any results, and a season that is over
            league(2, "CITA"), match(3, 4, TODAY - 20 * DAY, league_id=2), match(3, 4, TODAY - 200 * DAY),
        ],
        bad=[match(3, 4, TODAY - 20 * DAY)],
        total=2,
    ),
    Case(  # two meetings, two results: one of the season before and one of this month are not for the same fixture
        matches.fixture_without_result,
        good=[*TWO_TEAMS, match(1, 2, TODAY - 60 * DAY), match(2, 1, TODAY - 30 * DAY), played(1, 2, TODAY - 60 * DAY),
              played(1, 2, TODAY - 60 * DAY, scores="1-6, 1-6"), played(1, 2, TODAY - 25 * DAY)],
        bad=[match(1, 2, TODAY - 20 * DAY), match(2, 1, TODAY - 45 * DAY)],
        count=2,
        total=4,
    ),
    Case(  # results without teams, each of which may be that of one fixture of its day, and no other
        matches.fixture_without_result,
        good=[
            *TWO_TEAMS, *(played(7, 8, TODAY - n * DAY) for n in range(9)),
            *(match(1, 2, TODAY - (20 + n) * DAY, home_team=home, away_team=away)
              for n, (home, away) in enumerate(FIXTURE_NAMES)),
            *(played(None, None, TODAY - (20 + n) * DAY, home_team=home, away_team=away)
              for n, (home, away) in enumerate(UNSURE)),
            *no_matches(TODAY - 20 * DAY, 7, 8), match(None, 2, TODAY - 20 * DAY), match(2, None, TODAY - 20 * DAY),
            # half of a league's results with teams is not most of them
            *ELSEWHERE, match(3, 4, TODAY - 20 * DAY, league_id=2), *2 * [played(7, 8, league_id=2)],
            played(None, 2, league_id=2), played(2, None, league_id=2),
        ],
        bad=[
            # results of another league, with teams of their own, of another day
            match(1, 2, TODAY - 40 * DAY), played(None, None, TODAY - 40 * DAY, home_team="Winnetka 1", league_id=3),
            match(1, 2, TODAY - 41 * DAY), played(8, 9, TODAY - 41 * DAY, home_team="Winnetka 1", away_team="?"),
            match(1, 2, TODAY - 42 * DAY), played(None, None, TODAY - 42 * DAY, home_team="?", away_team="??"),
        ],
        count=3,
        total=3,
    ),
    Case(  # results of the same day, or of those weeks, of one of the two teams against others
        matches.fixture_without_result,
        good=[
            *TWO_TEAMS, team(3), team(4), team(5), team(6),
            # no match, nor one at no real day, takes the result of the match that was put off
            *no_matches(TODAY - 50 * DAY, 5, 6), match(5, 6, NEVER), match(5, 6, FOREVER),
            match(5, 6, TODAY - 40 * DAY), played(6, 5, TODAY - 20 * DAY), played(5, None), played(None, 6),
        ],
        bad=[
            match(1, 4, TODAY - 15 * DAY), played(1, 3, TODAY - 15 * DAY), played(2, 4, TODAY - 15 * DAY),
            match(2, 3, TODAY - 30 * DAY), played(2, 6, TODAY - 20 * DAY), played(1, 3, TODAY - 20 * DAY),
            match(3, 5, TODAY - 70 * DAY), played(3, 5, TODAY - 27 * DAY), played(3, 5, NEVER),
        ],
        count=3,
        total=4,
    ),
    Case(  # a meeting that never took place in autumn does not take the result of spring from its fixture
        matches.fixture_without_result,
        good=[*TWO_TEAMS, match(1, 2, TODAY - 40 * DAY), played(1, 2, TODAY - 20 * DAY),
              played(1, 2, TODAY - 280 * DAY)],
        bad=[match(2, 1, TODAY - 120 * DAY)],
        total=2,
    ),
    Case(
        matches.series_with_results,
        good=[*TWO_TEAMS, *ELSEWHERE, team(3, series_id=2), team(4, league_id=2), team(5, series_id=None),
              played(1, 3)],
        bad=[played(2, 1), played(4, 3), played(4, 3), played(5, 1), played(None, 3)],
        value=2,
        earlier=(3, 3, 3),
    ),
    Case(
        matches.results_of_league,
        good=[*ELSEWHERE, *TWO_TEAMS, played(league_id=2)],
        bad=[played(), played()],
        value=2,
        earlier=(3, 3, 3),
        parameter="CNSWPL",
    ),
    Case(
        matches.results_on_one_date,
        good=[*TWO_TEAMS, *(played(day=TODAY - n * DAY) for n in range(49)), league(2, "CITA"), played(league_id=2)],
        bad=[played() for _ in range(60)],
        total=1,
    ),
    Case(  # half is not more than half, and a result without a date is of no date
        matches.results_on_one_date,
        good=[
            *TWO_TEAMS, *ELSEWHERE, *25 * [played()], *(played(day=TODAY - n * DAY) for n in range(1, 26)),
            *40 * [played(match_date=None)], *49 * [played(league_id=2)],
        ],
        bad=[league(3, "NSTF"), *26 * [played(league_id=3)],
             *(played(day=TODAY - n * DAY, league_id=3) for n in range(1, 25))],
        total=2,
    ),
    Case(
        matches.result_of_another_team_of_the_club,
        good=[
            *ELSEWHERE, *TWO_TEAMS, team(3), team(4, club_id=2), *(player(n, team_id=1) for n in (1, 2)),
            *(player(n, team_id=2) for n in (3, 4)), player(5, team_id=3), player(6, team_id=4),
            # a substitute, somebody of another club, nobody known
            played(home_player_2_id=player_id(5)), played(home_player_1_id=player_id(6), home_player_2_id=player_id(5)),
            played(home_player_1_id=None, home_player_2_id=player_id(9)),
            # a member of both teams, members of teams of another league, and one known player a side
            player(11, team_id=1), player(11, team_id=3), player(12, team_id=3),
            played(home_player_1_id=player_id(11), home_player_2_id=player_id(12)),
            *(player(number, team_id=3, league_id=2) for number in (13, 14)),
            played(home_player_1_id=player_id(13), home_player_2_id=player_id(14)),
            *(alone(seat, number) for number, seat in enumerate(PLAYERS, 1)),
        ],
        bad=[played(3, 2), played(1, 3)],
        count=2,
        total=16,
    ),
    Case(
        matches.name_cut_short,
        good=[*TWO_TEAMS, team(3, "Winnetka PD"), team(4, "Wilmette"), team(5, "Wilmette PD II"), played(),
              played(3, 1, home_team="Winnetka PD"), played(5, 1, home_team="Wilmette"), played(None, 2),
              played(1, 3, home_team=" ", away_team=""), played(1, 2, home_team="Winnetka One", league_id=2),
              played(1, 2, league_id=2), *ELSEWHERE, team(6, "Wilm", league_id=2)],
        bad=[played(5, 1, home_team="Wilmette PD"), played(1, 3, away_team="Winn"), played(5, 1, home_team="Wilm")],
        count=3,
        total=17,
    ),
)  # fmt: skip

CASES = (*RESULTS, *PEOPLE, *FIXTURES)
