"""Where in the year a run looks: fixtures that rules of several domains ask for."""

from __future__ import annotations

from datetime import date

from checks import fixture


@fixture
def season_start(today: date) -> date:
    """First of September on or before `today`; what is played in summer belongs to the season before it."""
    return date(today.year if today.month >= 9 else today.year - 1, 9, 1)
