"""Rows of `schedules`: meetings, byes, and the practice times that captains add."""

from __future__ import annotations

import re
from functools import lru_cache

from etl.records.fields import Clock, Day, Text
from etl.records.layout import slot
from etl.records.model import Fixture, FixtureKind
from etl.records.shape import Refused, Shape, league_of, required_league

_Values = tuple[Day, Clock, Text, Text, Text, Text, Text, Text, Text]
_BYE = re.compile(r"\s*bye\b", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def _is_bye(name: str) -> bool:
    return _BYE.match(name) is not None


def _build(index: int, feed: str, values: _Values) -> Fixture:
    day, clock, home, away, location, series, own, source, practice = values
    if practice and not home:
        return _practice(index, feed, values)
    if not home or home.isspace():
        raise Refused("home_team", "home_team is missing")
    if not away or away.isspace():
        raise Refused("away_team", "away_team is missing")
    league = required_league(own, source, feed, series)
    kind: FixtureKind = "bye" if _is_bye(home) or _is_bye(away) else "match"
    return Fixture(index, league, series or None, day, clock, home, away, location or None, kind)


def _practice(index: int, feed: str, values: _Values) -> Fixture:
    day, clock, _, _, location, series, own, source, club = values
    league = league_of(own, source, feed, series)
    name = f"{club} Practice - {series}" if series else f"{club} Practice"
    return Fixture(index, league, series or None, day, clock, name, "", location or None, "practice")


SHAPE = Shape(
    slots=(
        slot("date"), slot("time"), slot("home_team", optional=True), slot("away_team", optional=True),
        slot("location", optional=True), slot("series", optional=True), slot("League", "league_id"),
        slot("source_league", optional=True), slot("Practice", optional=True),
    ),
    values=_Values,
    build=_build,
)  # fmt: skip
