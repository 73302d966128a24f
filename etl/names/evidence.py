"""What speaks for a team where its name does not stand letter by letter: structure, a typing mistake, likeness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from etl.names.fuzzy import is_typo, likeness, overlap
from etl.names.index import Entry, LeagueIndex, SeriesIndex
from etl.names.model import Suggestion, Team
from etl.names.series import series_key
from etl.names.structure import Reading, own_reading, readings
from etl.names.text import SEPARATOR, normalise, squash, words

_MARGIN = 0.05
_WORTH_SUGGESTING = 0.6
_SUGGESTIONS = 3
_RARE = 60


def by_structure(league: LeagueIndex, series: SeriesIndex, name: str, *, explicit: bool = False) -> list[Team]:
    """Teams whose club and squad the name can mean; `explicit` wants the series told by the name itself."""
    found = {
        team.id: team
        for reading in _sound(league, series, name, explicit=explicit)
        for team in series.by_structure.get(reading.key, ())
    }
    return list(found.values())


def everywhere(league: LeagueIndex, name: str, found: Sequence[Team]) -> Sequence[Team]:
    """Of a name that does not tell its series: the teams found, and all others of the league that it fits as well."""
    if not found or any(_tells(league, name, team) for team in found):
        return found
    return [*found, *league.by_words.get(normalise(name), []), *of_any_series(league, name)]


def of_any_series(league: LeagueIndex, name: str) -> list[Team]:
    """The teams of the league with the club and the squad of a name that tells no series."""
    return league.by_structure.get(own_reading(name, "").key, [])


def _tells(league: LeagueIndex, name: str, team: Team) -> bool:
    key = series_key(team.series)
    return any(reading.explicit for reading in readings(name, key, league.ordinal(key)))


def by_typo(league: LeagueIndex, series: SeriesIndex, name: str, *, explicit: bool = False) -> list[Team]:
    """The one team whose club the name misspells, if no other comes near; [] otherwise."""
    found: dict[int, Entry] = {}
    for reading in _sound(league, series, name, explicit=explicit):
        # a club that plays elsewhere in the league is rather that club than a mistake for this one
        strict = squash(reading.club) in league.clubs
        for entry in series.entries:
            if entry.own.squads == reading.squads and is_typo(reading.club, entry.own.club, strict=strict):
                found[entry.team.id] = entry
    return [entry.team for entry in found.values() if len(found) == 1 and _stands_out(series, entry, name)]


def _sound(league: LeagueIndex, series: SeriesIndex, name: str, *, explicit: bool) -> Iterable[Reading]:
    """The readings of a name in a series; none where its end is another series of the league ("Winnetka - 2")."""
    found = readings(name, series.key, league.ordinal(series.key))
    told = any(reading.explicit for reading in found)
    if not told and (explicit or _other_series(league, series, name)):
        return ()
    return (reading for reading in found if reading.explicit or not explicit)


def _other_series(league: LeagueIndex, series: SeriesIndex, name: str) -> bool:
    parts = words(name)
    if SEPARATOR not in parts:
        return False
    tail = parts[len(parts) - parts[::-1].index(SEPARATOR) :]
    key = series_key(" ".join(tail))
    return key != series.key and key in league.series


def _stands_out(series: SeriesIndex, entry: Entry, name: str) -> bool:
    """Whether no other club comes near; a club's other squads are not rivals, for squads were compared."""
    folded = normalise(name)
    best = likeness(folded, entry.folded)
    rivals = (other for other in series.entries if other is not entry and other.own.squads == entry.own.squads)
    return all(best - likeness(folded, rival.folded) >= _MARGIN for rival in rivals)


def rare(league: LeagueIndex, name: str) -> Sequence[Team]:
    """The league's teams that share the name's rarest word, at most 60 of them."""
    shared = [league.by_word[word] for word in sorted(set(words(name))) if word in league.by_word]
    return min(shared, key=len, default=[])[:_RARE]


def suggest(teams: Iterable[Team], name: str) -> tuple[Suggestion, ...]:
    """The teams that the name resembles most, best first, for a person to confirm."""
    folded = normalise(name)
    rated = [Suggestion(team.id, round(_resemblance(folded, normalise(team.name)), 2)) for team in teams]
    worth = [rating for rating in rated if rating.confidence >= _WORTH_SUGGESTING]
    return tuple(sorted(worth, key=lambda rating: (-rating.confidence, rating.team_id))[:_SUGGESTIONS])


def _resemblance(one: str, other: str) -> float:
    return 0.9 * (likeness(one, other) + overlap(one, other)) / 2  # less than any link: it was not good enough for one
