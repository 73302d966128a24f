"""Cases of the domain player_history."""

from __future__ import annotations

from datetime import timedelta

from checks.rules import player_history
from tests.checks.rules.case import Case
from tests.checks.rules.entries import TODAY, TWO_TEAMS, player, rating

SOMEBODY = (*TWO_TEAMS, player(1, id=1), player(2, id=2))

CASES = (
    Case(
        player_history.rating_out_of_range,
        good=[rating(end_pti=-30), rating(end_pti=100), rating(end_pti=None)],
        bad=[rating(end_pti=-30.1), rating(end_pti=100.5)],
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
        bad=[rating(date=TODAY + timedelta(days=1)), rating(date=None)],
        count=2,
        total=3,
    ),
    Case(
        player_history.impossible_rating_step,
        good=[
            *SOMEBODY, rating(1, date=TODAY - timedelta(days=7), end_pti=60), rating(1, date=TODAY, end_pti=40),
            rating(2, date=TODAY, end_pti=90), rating(1, date=TODAY - timedelta(days=14), end_pti=None),
        ],
        bad=[rating(1, date=TODAY + timedelta(days=1), end_pti=60.5)],
        total=5,
    ),
)  # fmt: skip
