"""Link names to teams. Precision first: a wrong link is worse than none, and ambiguous is unresolved.

In order: the team's own name; a name that a person confirmed; the same words; the same club and squad in the same
series; a typing mistake. What a person confirmed stands before all that is derived, since it corrects it. Without a
series in the row, the name itself must tell it, or be the name of one team of the league only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from etl import leagues
from etl.names.evidence import by_structure, by_typo, rare, suggest
from etl.names.index import LeagueIndex, SeriesIndex, build
from etl.names.model import Alias, Link, Strategy, Suggestion, Team
from etl.names.series import series_key
from etl.names.structure import names_only_series, readings
from etl.names.text import normalise, squash, words

_MEMORY = 1_000_000
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
_Steps = Sequence[tuple[Strategy, Callable[[], Sequence[Team]]]]


class Resolver:
    """Resolves names against a fixed set of teams; the answer for a name is remembered."""

    def __init__(self, teams: Iterable[Team], aliases: Iterable[Alias] = ()) -> None:
        self._leagues = build(tuple(teams), tuple(aliases))
        self._known: dict[tuple[str | None, str | None, str], Link] = {}

    def resolve(self, league: str | None, series: str | None, name: str) -> Link:
        """The team that a name means in a league and, where the row tells it, a series."""
        key = league, series, name
        link = self._known.get(key)
        if link is None:
            if len(self._known) >= _MEMORY:  # a hostile feed may hold nothing but new names
                self._known.clear()
            link = self._known[key] = self._resolve(league, series, name)
        return link

    def _resolve(self, league: str | None, series: str | None, name: str) -> Link:
        if not league:
            return _unlinked("the row tells no league")
        index = self._leagues.get(leagues.canonical(league))
        if index is None:
            return _unlinked(f"league {league} has no teams")
        return _in_series(index, series, name) if series_key(series or "") else _in_league(index, name)


def _in_series(league: LeagueIndex, series: str | None, name: str) -> Link:
    key = series_key(series or "")
    index = league.series.get(key) or _without_squad(league, key, name)
    if index is None:
        return _unlinked("the league has no teams in the series")
    folded = normalise(name)
    steps: _Steps = (
        (Strategy.EXACT, lambda: _same_series(index.by_name.get(name, []), series)),
        (Strategy.ALIAS, lambda: league.aliases.get((index.key, folded)) or league.aliases.get(("", folded), [])),
        (Strategy.NORMALISED, lambda: _same_series(index.by_words.get(folded, []), series)),
        (Strategy.STRUCTURAL, lambda: _same_series(by_structure(league, index, name), series)),
        (Strategy.FUZZY, lambda: _same_series(by_typo(league, index, name), series)),
    )
    return _first(steps) or _unlinked(_why(index, name), suggest(index.teams, name))


def _in_league(league: LeagueIndex, name: str) -> Link:
    folded = normalise(name)
    told = list(league.series_in(name))
    steps: _Steps = (
        (Strategy.EXACT, lambda: league.by_name.get(name, [])),
        (Strategy.ALIAS, lambda: league.aliases.get(("", folded), [])),
        (Strategy.NORMALISED, lambda: league.by_words.get(folded, [])),
        (Strategy.STRUCTURAL, lambda: _in_any(by_structure, league, told, name)),
        (Strategy.FUZZY, lambda: _in_any(by_typo, league, told, name)),
    )
    return _first(steps) or _unlinked("no series is told, and no team of the league has this name",
                                      suggest(rare(league, name), name))  # fmt: skip


def _in_any(find: Callable[..., list[Team]], league: LeagueIndex, told: list[SeriesIndex], name: str) -> list[Team]:
    return [team for series in told for team in find(league, series, name, explicit=True)]


def _without_squad(league: LeagueIndex, key: str, name: str) -> SeriesIndex | None:
    """CNSWPL's players stand in "Division 14a" where its standings know series 14 with a team "Biltmore 14a"."""
    index = league.series.get(key[:-1]) if key[-1:].isalpha() and key[-2:-1].isdigit() else None
    if index and any(reading.squads[-1:] == (key[-1],) for reading in readings(name, index.key)):
        return index
    return None


def _same_series(found: Sequence[Team], series: str | None) -> Sequence[Team]:
    """Of teams that a renamed series has twice ("Chicago 11 SW", "Series 11 SW"), the one in the row's spelling."""
    if len(found) > 1:
        return [team for team in found if normalise(team.series) == normalise(series or "")] or found
    return found


def _first(steps: _Steps) -> Link | None:
    for strategy, find in steps:
        if found := find():
            return _linked(strategy, found)
    return None


def _linked(strategy: Strategy, found: Sequence[Team]) -> Link:
    ids = sorted({team.id for team in found})
    if len(ids) == 1:
        return Link(ids[0], strategy, _CONFIDENCE[strategy], _REASONS[strategy])
    candidates = tuple(Suggestion(team_id, round(1 / len(ids), 2)) for team_id in ids[:10])
    return _unlinked(f"ambiguous: {len(ids)} teams have this name", candidates)


def _unlinked(reason: str, suggestions: tuple[Suggestion, ...] = ()) -> Link:
    return Link(None, None, 0.0, reason, suggestions)


def _why(series: SeriesIndex, name: str) -> str:
    if names_only_series(name, series.key):
        return "names a series, but no team"
    if words(name)[:1] == ("bye",):
        return "a bye is no team"
    squads = max(
        (len(series.by_club.get(squash(reading.club), ())) for reading in readings(name, series.key)), default=0
    )
    if squads > 1:
        return f"ambiguous: the club has {squads} teams in the series, and the name tells none of them"
    return "the club has another team in the series" if squads else "no team of the series has this name"
