"""Cases of the domain player_history."""

from __future__ import annotations

from datetime import date

from checks.rules import player_history
from tests.checks.rules.case import Case
from tests.checks.rules.entries import DAY, FOREVER, TODAY, TWO_TEAMS, player, rating

SOMEBODY = (*TWO_TEAMS, player(1, id=1), player(2, id=2))

CASES = (
    Case(
        player_history.rating_out_of_range,
        good=[rating(end_pti=-30), rating(end_pti=100), rating(end_pti=None)],
        bad=[rating(1, end_pti=-30.1), rating(2, end_pti=100.5)],
        count=2,
        total=4,
    ),
    Case(
        player_history.rating_without_player,
        good=[*SOMEBODY, rating(1), rating(2)],
        bad=[rating(None), rating(77)],
        count=2,
        total=4,
    ),
    Case(
        player_history.rating_in_the_future,
        good=[*SOMEBODY, rating(date=TODAY)],
        bad=[rating(date=TODAY + DAY), rating(date=None)],
        count=2,
        total=3,
    ),
    Case(  # sixty days are none, and what a summer lies between; nor what belongs to another or has no day
        player_history.gap_in_ratings,
        good=[
            *SOMEBODY, rating(1, date=date(2024, 8, 31)), rating(1, date=date(2024, 11, 1)),
            rating(1, date=date(2024, 12, 31)), rating(1, date=None), rating(1, date=FOREVER),
            rating(2, date=date(2023, 9, 1)), rating(None, date=date(2024, 9, 1)), rating(None, date=date(2025, 2, 1)),
        ],
        bad=[rating(2, date=date(2024, 9, 1)), rating(2, date=date(2024, 11, 1)), rating(1, date=date(2025, 3, 2))],
        count=2,
        total=11,
    ),
    Case(
        player_history.impossible_rating_step,
        good=[
            *SOMEBODY, rating(1, date=TODAY - 7 * DAY, end_pti=60), rating(1, date=TODAY, end_pti=40),
            rating(2, date=TODAY, end_pti=90), rating(1, date=TODAY - 14 * DAY, end_pti=None),
            # of nobody, of no day
            rating(None, end_pti=10), rating(None, end_pti=80), rating(1, date=None, end_pti=-20),
        ],
        bad=[rating(1, date=TODAY + DAY, end_pti=60.5)],
        total=8,
    ),
)  # fmt: skip
