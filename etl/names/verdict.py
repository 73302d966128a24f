"""From the teams that were found to the link, with its confidence and its reason."""

from __future__ import annotations

from collections.abc import Sequence

from etl.names.evidence import suggest
from etl.names.index import SeriesIndex
from etl.names.model import Link, Strategy, Suggestion, Team
from etl.names.structure import names_only_series, readings
from etl.names.text import squash, words

_SUGGESTIONS = 10
_CONFIDENCE = {
    Strategy.EXACT: 1.0,
    Strategy.ALIAS: 1.0,
    Strategy.NORMALISED: 0.99,
    Strategy.STRUCTURAL: 0.97,
    Strategy.FUZZY: 0.9,
}
_REASONS = {
    Strategy.EXACT: "the team's own name",
    Strategy.ALIAS: "a confirmed name",
    Strategy.NORMALISED: "the same words",
    Strategy.STRUCTURAL: "the same club and series",
    Strategy.FUZZY: "one typing mistake away, and no other team is near",
}


def linked(strategy: Strategy, found: Sequence[Team], *, confidence: float = 1.0) -> Link:
    """The link to the one team found; ambiguous where there are several. `confidence` is the most it can be."""
    ids = tuple(sorted({team.id for team in found}))
    if len(ids) == 1:
        return Link(ids[0], strategy, min(_CONFIDENCE[strategy], confidence), _REASONS[strategy])
    return _ambiguous(f"ambiguous: {len(ids)} teams have this name", ids)


def unlinked(reason: str, suggestions: tuple[Suggestion, ...] = (), candidates: tuple[int, ...] = ()) -> Link:
    """No link, and why."""
    return Link(None, None, 0.0, reason, suggestions, candidates)


def no_team(series: SeriesIndex, name: str) -> Link:
    """No team of the series has the name: say what the name lacks."""
    if names_only_series(name, series.key):
        return unlinked("names a series, but no team")
    if words(name)[:1] == ("bye",):
        return unlinked("a bye is no team")
    ids = _of_club(series, name)
    if len(ids) > 1:
        return _ambiguous(f"ambiguous: the name tells none of the club's {len(ids)} teams in the series", ids)
    return unlinked("no team of the series has this name", suggest((entry.team for entry in series.entries), name))


def _of_club(series: SeriesIndex, name: str) -> tuple[int, ...]:
    clubs = {squash(reading.club) for reading in readings(name, series.key) if not reading.squads}
    return tuple(sorted({team.id for club in clubs for team in series.by_club.get(club, ())}))


def _ambiguous(reason: str, ids: tuple[int, ...]) -> Link:
    share = round(1 / len(ids), 2)
    return unlinked(reason, tuple(Suggestion(team_id, share) for team_id in ids[:_SUGGESTIONS]), ids)
