"""Rows of `players`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from etl.records import Player
from etl.records.feed_schema import FeedSchema, filled, required_league, required_leagues, slot
from etl.records.fields import Name, Number, Text, Whole

_Values = tuple[Name, Text, Text, Text, Name, Text, Text, Number, Whole, Whole, Number, Text, Text, Text]


def _build(index: int, feed: str, values: _Values) -> Player:
    series, team, club, place, player_id, first, last, pti, wins, losses, share, captain, own, source = values
    league = required_league(own, source, feed, series)
    return Player(
        index, league, series, team or None, club or None, place or None, player_id, first or None, last or None,
        pti, wins, losses, share, captain or None,
    )  # fmt: skip


def _together(feed: str, columns: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]] | None:
    series, teams, clubs, places, ids, firsts, lasts, ptis, wins, losses, shares, captains, owns, sources = columns
    leagues = required_leagues(owns, sources, feed, series)
    return leagues and (
        leagues, series, filled(teams), filled(clubs), filled(places), ids, filled(firsts), filled(lasts),
        ptis, wins, losses, shares, filled(captains),
    )  # fmt: skip


SHAPE = FeedSchema(
    slots=(
        slot("Series"), slot("Series Mapping ID", "Team"), slot("Club"), slot("Location ID", optional=True),
        slot("Player ID"), slot("First Name"), slot("Last Name"), slot("PTI"), slot("Wins"), slot("Losses"),
        slot("Win %", "Win Percentage"), slot("Captain", optional=True), slot("League", "league_id"),
        slot("source_league", optional=True),
    ),
    values=_Values,
    build=_build,
    together=_together,
)  # fmt: skip
