"""Link names to teams. Precision first: a wrong link is worse than none, and ambiguous is unresolved.

In order: the team's own name; a name that a person confirmed; the same words; the same club and squad in the same
series; a typing mistake. What a person confirmed stands before all that is derived, since it corrects it. Without a
series in the row, the name itself must tell it, or be the name of one team of the league only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from etl import leagues
from etl.names.evidence import by_structure, by_typo, everywhere, of_any_series, rare, suggest
from etl.names.index import LeagueIndex, SeriesIndex, build
from etl.names.model import Alias, Link, Strategy, Team
from etl.names.series import CITY, PREFIXES, series_key
from etl.names.structure import readings
from etl.names.text import normalise
from etl.names.verdict import linked, no_team, unlinked

_MEMORY = 1_000_000
_WITHOUT_SERIES = 0.95
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
            return unlinked("the row tells no league")
        index = self._leagues.get(leagues.canonical(league))
        if index is None:
            return unlinked(f"league {league} has no teams")
        return _in_series(index, series, name) if series and _tells(series) else _in_league(index, name)


def _tells(series: str) -> bool:
    """Whether the text is a series at all: the scraper read "Chicago Chicago" out of "Midtown - Chicago - 32"."""
    return any(word not in PREFIXES and word != CITY for word in series_key(series).split())


def _in_series(league: LeagueIndex, series: str, name: str) -> Link:
    key, folded = series_key(series), normalise(name)
    index = league.series.get(key) or _without_squad(league, key, name)
    if index is None:
        return unlinked("the league has no teams in the series")
    steps: _Steps = (
        (Strategy.EXACT, lambda: index.by_name.get(name, [])),
        (Strategy.ALIAS, lambda: league.aliases.get((index.key, folded)) or league.aliases.get(("", folded), [])),
        (Strategy.NORMALISED, lambda: _unopposed(index.by_words.get(folded), by_structure(league, index, name))),
        (Strategy.STRUCTURAL, lambda: by_structure(league, index, name)),
        (Strategy.FUZZY, lambda: by_typo(league, index, name)),
    )
    for strategy, find in steps:
        if found := find():
            return linked(strategy, _same_series(found, series))
    return no_team(index, name)


def _in_league(league: LeagueIndex, name: str) -> Link:
    folded, told = normalise(name), list(league.series_in(name))
    steps: _Steps = (
        (Strategy.EXACT, lambda: everywhere(league, name, league.by_name.get(name, []))),
        (Strategy.ALIAS, lambda: league.aliases.get(("", folded), [])),
        (Strategy.NORMALISED, lambda: everywhere(league, name, _same_words(league, told, name))),
        (Strategy.STRUCTURAL, lambda: _any(by_structure, league, told, name)),
        (Strategy.FUZZY, lambda: _any(by_typo, league, told, name)),
    )
    for strategy, find in steps:
        if found := find():
            return linked(strategy, found, confidence=_WITHOUT_SERIES)
    candidates = tuple(sorted(team.id for team in of_any_series(league, name)))
    reason = "neither the row nor the name tells a series" if candidates else "no team of the league has this name"
    return unlinked(reason, suggest(rare(league, name), name), candidates)


def _same_words(league: LeagueIndex, told: list[SeriesIndex], name: str) -> list[Team]:
    return _unopposed(league.by_words.get(normalise(name)), _any(by_structure, league, told, name))


def _any(find: Callable[..., list[Team]], league: LeagueIndex, told: list[SeriesIndex], name: str) -> list[Team]:
    return [team for series in told for team in find(league, series, name, explicit=True)]


def _unopposed(same: list[Team] | None, meant: list[Team]) -> list[Team]:
    """Teams of the same words, and whoever else the structure means: "Winnetka B 2" may be B(2), or B as number 2."""
    return [*same, *meant] if same else []


def _without_squad(league: LeagueIndex, key: str, name: str) -> SeriesIndex | None:
    """Players stand in "Division 14a" where the standings know series 14 with a team "Biltmore 14a"."""
    index = league.series.get(key[:-1]) if key[-1:].isalpha() and key[-2:-1].isdigit() else None
    if index and any(reading.squads[-1:] == (key[-1],) for reading in readings(name, index.key)):
        return index
    return None


def _same_series(found: Sequence[Team], series: str) -> Sequence[Team]:
    """Of teams that a renamed series has twice ("Chicago 11 SW", "Series 11 SW"), the one in the row's spelling."""
    if len(found) > 1:
        return [team for team in found if normalise(team.series) == normalise(series)] or found
    return found
