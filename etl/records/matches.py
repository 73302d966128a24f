"""Rows of `match_history` and `match_scores`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from etl.records import Match, MatchOutcome, Side
from etl.records.feed_schema import FeedSchema, Refused, filled, ignoring, required_league, required_leagues, slot
from etl.records.fields import Day, Name, Text, describe_value

_Values = tuple[Day, Name, Name, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text]
_a_date = re.compile(r"[A-Za-z]{3,9} \d{1,2}, \d{4}").fullmatch
_UNDECIDED = frozenset({"", "unknown", "tie", "tied", "none"})


def _build(index: int, feed: str, values: _Values) -> Match:
    day, home, away, scores, said, series, source_id, line, home_1, home_2, away_1, away_2, own, source = values
    league = required_league(own, source, feed, series)
    winner, outcome = _verdict(said, scores)
    return Match(
        index, league, series or None, source_id or None, line or None, day, home, away,
        home_1 or None, home_2 or None, away_1 or None, away_2 or None, scores or None, winner, outcome,
    )  # fmt: skip


def _together(feed: str, columns: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]] | None:
    days, homes, aways, scores, said, series, source_ids, lines, *players, owns, sources = columns
    leagues = required_leagues(owns, sources, feed, series)
    try:
        winners, outcomes = zip(*(_verdict(*both) for both in zip(said, scores, strict=True)), strict=True)
    except Refused:
        return None
    return leagues and (
        leagues, filled(series), filled(source_ids), filled(lines), days, homes, aways, *map(filled, players),
        filled(scores), winners, outcomes,
    )  # fmt: skip


@lru_cache(maxsize=50_000)
def _verdict(said: str | None, scores: str | None) -> tuple[Side | None, MatchOutcome]:
    word, scores = (said or "").strip().lower(), (scores or "").strip()
    if word == "home":
        return "home", "played"
    if word == "away":
        return "away", "played"
    if word not in _UNDECIDED:
        raise Refused("Winner", f"Winner is {describe_value(said)}, expected home, away, tie or unknown")
    if not scores or _a_date(scores):  # the site shows the day where there is no score
        return None, "not_played"
    return None, "tied" if word.startswith("tie") else "undecided"


SHAPE = FeedSchema(
    slots=(
        slot("Date"), slot("Home Team"), slot("Away Team"), slot("Scores", "Score"), slot("Winner"),
        slot("series", optional=True), slot("match_id", optional=True), slot("Line", optional=True),
        slot("Home Player 1 ID"), slot("Home Player 2 ID"), slot("Away Player 1 ID"), slot("Away Player 2 ID"),
        slot("league_id", "league"), slot("source_league", optional=True),
    ),
    values=_Values,
    build=_build,
    together=_together,
    # names of people are in the feed, and not needed: ids name them
    ignored=ignoring("Home Player 1", "Home Player 2", "Away Player 1", "Away Player 2"),
)  # fmt: skip
