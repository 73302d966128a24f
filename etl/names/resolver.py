"""Links names to teams, each with confidence and reason. A wrong link is worse than none, and ambiguous is unresolved.

In order: the team's own name; a name that a person confirmed; the same words; the same club and squad in the same
series; a typing mistake. What a person confirmed stands before all that is derived, since it corrects it. Without a
series in the row, the name itself must tell it, or be the name of one team of the league only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from etl import leagues
from etl.names import Alias, Link, Strategy, Suggestion, Team, evidence
from etl.names.structure import CITY, PREFIXES, names_only_series, normalise, readings, series_key, squash, words

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


def no_team(series: evidence.SeriesIndex, name: str) -> Link:
    """No team of the series has the name: say what the name lacks."""
    if names_only_series(name, series.key):
        return unlinked("names a series, but no team")
    if words(name)[:1] == ("bye",):
        return unlinked("a bye is no team")
    ids = _of_club(series, name)
    if len(ids) > 1:
        return _ambiguous(f"ambiguous: the name tells none of the club's {len(ids)} teams in the series", ids)
    return unlinked(
        "no team of the series has this name", evidence.suggest((entry.team for entry in series.entries), name)
    )


def _of_club(series: evidence.SeriesIndex, name: str) -> tuple[int, ...]:
    clubs = {squash(reading.club) for reading in readings(name, series.key) if not reading.squads}
    return tuple(sorted({team.id for club in clubs for team in series.by_club.get(club, ())}))


def _ambiguous(reason: str, ids: tuple[int, ...]) -> Link:
    share = round(1 / len(ids), 2)
    return unlinked(reason, tuple(Suggestion(team_id, share) for team_id in ids[:_SUGGESTIONS]), ids)


_MEMORY = 100_000
"""Names that are remembered, from one feed to the next; no real feed has a tenth of that."""
_WITHOUT_SERIES = 0.95
_Steps = Sequence[tuple[Strategy, Callable[[], Sequence[Team]]]]


class Resolver:
    """Resolves names against a fixed set of teams; the answer for a name is remembered."""

    def __init__(self, teams: Iterable[Team], aliases: Iterable[Alias] = ()) -> None:
        self._leagues = evidence.build(tuple(teams), tuple(aliases))
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


def _in_series(league: evidence.LeagueIndex, series: str, name: str) -> Link:
    key, folded = series_key(series), normalise(name)
    index = league.series.get(key) or _without_squad(league, key, name)
    if index is None:
        return unlinked("the league has no teams in the series")
    steps: _Steps = (
        (Strategy.EXACT, lambda: index.by_name.get(name, [])),
        (Strategy.ALIAS, lambda: league.aliases.get((index.key, folded)) or league.aliases.get(("", folded), [])),
        (
            Strategy.NORMALISED,
            lambda: _unopposed(index.by_words.get(folded), evidence.by_structure(league, index, name)),
        ),
        (Strategy.STRUCTURAL, lambda: evidence.by_structure(league, index, name)),
        (Strategy.FUZZY, lambda: evidence.by_typo(league, index, name)),
    )
    for strategy, find in steps:
        if found := find():
            return linked(strategy, _same_series(found, series))
    return no_team(index, name)


def _in_league(league: evidence.LeagueIndex, name: str) -> Link:
    folded, named_series = normalise(name), list(league.series_in(name))
    steps: _Steps = (
        (Strategy.EXACT, lambda: evidence.everywhere(league, name, league.by_name.get(name, []))),
        (Strategy.ALIAS, lambda: league.aliases.get(("", folded), [])),
        (Strategy.NORMALISED, lambda: evidence.everywhere(league, name, _same_words(league, named_series, name))),
        (Strategy.STRUCTURAL, lambda: _any(evidence.by_structure, league, named_series, name)),
        (Strategy.FUZZY, lambda: _any(evidence.by_typo, league, named_series, name)),
    )
    for strategy, find in steps:
        if found := find():
            return linked(strategy, found, confidence=_WITHOUT_SERIES)
    candidates = tuple(sorted(team.id for team in evidence.of_any_series(league, name)))
    reason = "neither the row nor the name tells a series" if candidates else "no team of the league has this name"
    return unlinked(reason, evidence.suggest(evidence.rare(league, name), name), candidates)


def _same_words(league: evidence.LeagueIndex, told: list[evidence.SeriesIndex], name: str) -> list[Team]:
    return _unopposed(league.by_words.get(normalise(name)), _any(evidence.by_structure, league, told, name))


def _any(
    find: Callable[..., list[Team]], league: evidence.LeagueIndex, told: list[evidence.SeriesIndex], name: str
) -> list[Team]:
    return [team for series in told for team in find(league, series, name, explicit=True)]


def _unopposed(same: list[Team] | None, meant: list[Team]) -> list[Team]:
    """Teams of the same words, and whoever else the structure means: "Winnetka B 2" may be B(2), or B as number 2."""
    return [*same, *meant] if same else []


def _without_squad(league: evidence.LeagueIndex, key: str, name: str) -> evidence.SeriesIndex | None:
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
