"""Rows of `schedules`: meetings, byes, and the practice times that captains add."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from etl.records import Fixture, FixtureKind
from etl.records.feed_schema import FeedSchema, Refused, filled, league_of, required_league, required_leagues, slot
from etl.records.fields import Clock, Day, Text

_Values = tuple[Day, Clock, Text, Text, Text, Text, Text, Text, Text]
_BYE = re.compile(r"\s*bye\b", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def _kind(home: str, away: str) -> FixtureKind:
    return "bye" if _BYE.match(home) or _BYE.match(away) else "match"


def _build(index: int, feed: str, values: _Values) -> Fixture:
    day, clock, home, away, location, series, own, source, practice = values
    if practice and not home:
        return _practice(index, feed, values)
    if not home or home.isspace():
        raise Refused("home_team", "home_team is missing")
    if not away or away.isspace():
        raise Refused("away_team", "away_team is missing")
    league = required_league(own, source, feed, series)
    return Fixture(index, league, series or None, day, clock, home, away, location or None, _kind(home, away))


def _together(feed: str, columns: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]] | None:
    days, clocks, homes, aways, locations, series, owns, sources, practices = columns
    if any(practices) or not all(homes) or not all(aways):
        return None
    if any(map(str.isspace, homes)) or any(map(str.isspace, aways)):
        return None
    leagues = required_leagues(owns, sources, feed, series)
    kinds = list(map(_kind, homes, aways))
    return leagues and (leagues, filled(series), days, clocks, homes, aways, filled(locations), kinds)


def _practice(index: int, feed: str, values: _Values) -> Fixture:
    day, clock, _, _, location, series, own, source, club = values
    league = league_of(own, source, feed, series)
    name = f"{club} Practice - {series}" if series else f"{club} Practice"
    return Fixture(index, league, series or None, day, clock, name, "", location or None, "practice")


SHAPE = FeedSchema(
    slots=(
        slot("date"), slot("time"), slot("home_team", optional=True), slot("away_team", optional=True),
        slot("location", optional=True), slot("series", optional=True), slot("League", "league_id"),
        slot("source_league", optional=True), slot("Practice", optional=True),
    ),
    values=_Values,
    build=_build,
    together=_together,
)  # fmt: skip
