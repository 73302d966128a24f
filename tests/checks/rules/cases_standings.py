"""Cases of the domain standings."""

from __future__ import annotations

from typing import Any

from checks.rules import standings
from tests.checks.rules.case import Case
from tests.checks.rules.entries import (
    DAY,
    ELSEWHERE,
    FOREVER,
    NEVER,
    PLACE,
    TODAY,
    TWO_TEAMS,
    Entry,
    league,
    match,
    no_matches,
    practice,
    standing,
    team,
)

STRONG = {"matches_won": 3, "matches_lost": 1, "lines_won": 12, "sets_won": 26, "games_won": 190}
WEAK = {"matches_won": 1, "matches_lost": 3, "lines_won": 5, "sets_won": 12, "games_won": 120}


def as_good_as_half(what: str) -> Entry:
    """A standing whose percentage is as far from its counts as rounding makes it."""
    half: dict[str, Any] = {f"{what}_won": 1, f"{what}_lost": 1, f"{what}_percentage": "50.11%"}
    return standing(**{"matches_percentage": None, "matches_tied": 0, **half})


CASES = (
    Case(
        standings.percentage_is_a_count,
        good=[standing(), standing(lines_percentage="66.7%", games_percentage=None)],
        bad=[standing(lines_percentage="1"), standing(sets_percentage="340"), standing(games_percentage=""),
             standing(matches_percentage="3")],
        count=4,
        total=6,
    ),
    Case(
        standings.percentage_contradicts_counts,
        good=[
            standing(), standing(matches_won=0, matches_lost=0, matches_percentage="0.0%"),
            standing(lines_won=26, lines_lost=9, lines_for=1, lines_ret=0, lines_percentage="72.2%"),
            standing(lines_won=1, lines_lost=1, lines_percentage="7"), standing(sets_won=2, sets_lost=1),
            *(as_good_as_half(what) for what in ("matches", "lines", "sets", "games")),
            # a tie, or a line that was given up, is one of all
            standing(matches_won=2, matches_lost=1, matches_tied=2, matches_percentage="40.0%"),
            standing(lines_won=3, lines_lost=1, lines_for=0, lines_ret=1, lines_percentage="60.0%"),
        ],
        bad=[
            standing(matches_percentage="70.0%"), standing(sets_won=1, sets_lost=1, sets_percentage="51.0%"),
            standing(games_won=None, games_lost=None, games_percentage="10%"),
            standing(lines_won=1, lines_lost=1, lines_for=1, lines_ret=1, lines_percentage="50.0%"),
        ],
        count=4,
        total=15,
    ),
    Case(
        standings.negative_figure_in_standings,
        good=[standing(), standing(**dict.fromkeys((*standings.FIGURES, "points"), 0))],
        bad=[standing(**{name: -1}) for name in (*standings.FIGURES, "points")],
        count=12,
        total=14,
    ),
    Case(
        standings.points_out_of_order,
        good=[
            *TWO_TEAMS, standing(1, points=20, **STRONG), standing(2, points=12, **WEAK),
            # neither more matches nor only more wins say that the points are wrong
            standing(3, points=19, **{**STRONG, "matches_lost": 0}),
            standing(4, points=13, **{**WEAK, "games_won": 199}),
        ],
        bad=[standing(5, points=9, **STRONG)],
        total=5,
    ),
    Case(  # in another league, another series, after another number of matches, or with one figure that is no better
        standings.points_out_of_order,
        good=[
            *TWO_TEAMS, *ELSEWHERE, standing(1, points=12, **WEAK), standing(1, points=12, **STRONG),
            standing(2, points=9, league_id=2, **STRONG), standing(3, points=9, series="Series 2", **STRONG),
            standing(4, points=9, **{**STRONG, "matches_lost": 2}), standing(6, points=None, **STRONG),
            *(standing(5, points=9, **{**STRONG, name: WEAK[name]})
              for name in ("lines_won", "sets_won", "games_won")),
            standing(5, points=9, **{**STRONG, "matches_won": 1, "matches_lost": 3}),
        ],
        bad=[standing(7, points=11, series="Series 2", **WEAK), standing(8, points=3, league_id=2, **STRONG),
             standing(9, points=4, league_id=2, **WEAK)],
        count=2,
        total=12,
    ),
    Case(
        standings.standing_without_team,
        good=[*TWO_TEAMS, standing(), standing(9)],
        bad=[standing(None), standing(None, series_id=2)],
        count=2,
        total=4,
    ),
    Case(
        standings.standing_of_unknown_team,
        good=[*TWO_TEAMS, standing(), standing(None)],
        bad=[standing(9)],
        total=3,
    ),
    Case(
        standings.standing_without_place,
        good=[*TWO_TEAMS, standing(), standing(None)],
        bad=[standing(1, series_id=None), standing(2, league_id=None)],
        count=2,
        total=4,
    ),
    Case(
        standings.standing_in_another_series,
        good=[*TWO_TEAMS, team(3), *ELSEWHERE, standing(), standing(None, series_id=2), standing(1, series_id=None),
              standing(1, league_id=None)],
        bad=[standing(1, series_id=2), standing(2, league_id=2)],
        count=2,
        total=3,
    ),
    Case(
        standings.duplicate_standing,
        good=[
            *TWO_TEAMS, standing(), standing(2), standing(league_id=2), standing(series="Series 2"),
            *(standing(**{figure: 8}) for figure in standings.IDENTIFYING),
        ],
        bad=[standing()],
        total=13,
    ),
    Case(
        standings.standings_count_more_than_was_held,
        good=[
            *TWO_TEAMS, team(3), standing(2, matches_won=2, matches_lost=None), standing(3), match(1, 2), match(2, 1),
            match(None, None, TODAY - 56 * DAY), match(2, None, TODAY + DAY),
            match(1, None, TODAY - 401 * DAY), match(None, 1, TODAY - 401 * DAY),
            *no_matches(TODAY - DAY, 1, 3), *no_matches(TODAY - DAY, 3, 1), standing(None, matches_won=9),
            match(1, 1, FOREVER), match(1, 1, NEVER),
        ],
        bad=[
            standing(1, matches_won=2, matches_lost=0), standing(1, matches_won=0, matches_lost=1),
            practice(home_team_id=1),
        ],
        total=2,
    ),
    Case(  # a season of 55 days: the standings may still be those of the one before it, but not of an older one
        standings.standings_count_more_than_was_held,
        good=[
            *TWO_TEAMS, team(3), standing(1, matches_won=1, matches_lost=1), standing(2, matches_won=3, matches_lost=0),
            match(1, 2, TODAY - 55 * DAY), match(1, 2, TODAY - 400 * DAY), match(3, 2, TODAY - 300 * DAY),
        ],
        bad=[match(3, 1, TODAY - 401 * DAY), standing(3, matches_won=2, matches_lost=0)],
        total=3,
    ),
    Case(
        standings.series_with_standings,
        good=[*PLACE, *ELSEWHERE, standing(), standing(2), standing(league_id=2)],
        bad=[standing(series_id=2), standing(series_id=None), standing(2, series_id=2)],
        value=3,
        earlier=(4, 4, 4),
    ),
    Case(
        standings.standings_of_league,
        good=[*PLACE, league(2, "CITA"), standing(league_id=2)],
        bad=[standing(), standing(2)],
        value=2,
        earlier=(3, 3, 3),
        parameter="CNSWPL",
    ),
)  # fmt: skip
