"""Rows of `series_stats`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic takes no other below Python 3.12

from etl.records import Standing
from etl.records.feed_schema import FeedSchema, required_league, slot
from etl.records.fields import Name, Number, Short, Text, Whole


class LineCounts(TypedDict, total=False):
    """One of a row's nested objects; CITA's are shifted by a column, and kept as scraped."""

    won: Whole
    lost: Whole
    tied: Whole
    ret: Whole
    percentage: Short


# "for" is a keyword, so this one needs the functional form
Lines = TypedDict("Lines", {"won": Whole, "lost": Whole, "for": Whole, "ret": Whole, "percentage": Short}, total=False)

_Values = tuple[Name, Name, Number, LineCounts | None, Lines | None, LineCounts | None, LineCounts | None, Text, Text]


def _build(index: int, feed: str, values: _Values) -> Standing:
    series, team, points, matches, lines, sets, games, own, source = values
    matches, lines, sets, games = matches or {}, lines or {}, sets or {}, games or {}
    league = required_league(own, source, feed, series)
    return Standing(
        index, league, series, team, points,
        matches.get("won"), matches.get("lost"), matches.get("tied"), matches.get("percentage"),
        lines.get("won"), lines.get("lost"), lines.get("for"), lines.get("ret"), lines.get("percentage"),
        sets.get("won"), sets.get("lost"), sets.get("percentage"),
        games.get("won"), games.get("lost"), games.get("percentage"),
    )  # fmt: skip


SHAPE = FeedSchema(
    slots=(
        slot("series"), slot("team"), slot("points"), slot("matches"), slot("lines"), slot("sets"), slot("games"),
        slot("league_id", "league"), slot("source_league", optional=True),
    ),
    values=_Values,
    build=_build,
)  # fmt: skip
