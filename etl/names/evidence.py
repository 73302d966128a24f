"""What speaks for a team where its name does not stand letter by letter: structure, a typing mistake, likeness.

"Prarie" is "Prairie"; but "Hinsdale GC" is not "Hinsdale PC", though they differ by one letter too. So mistakes count
word by word, in long words only, and never in an initial, a figure, an abbreviation or a squad.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from etl.names import Alias, Suggestion, Team
from etl.names.structure import SEPARATOR, Reading, bare, normalise, own_reading, readings, series_key, squash, words

_LONG = 6
_VERY_LONG = 10


def is_typo(name: tuple[str, ...], other: tuple[str, ...], *, strict: bool) -> bool:
    """Whether two clubs' words differ by typing mistakes in long words; `strict` allows no replaced letter."""
    name, other = bare(name), bare(other)
    if len(name) != len(other) or name == other:
        return False
    pairs = [(a, b) for a, b in zip(name, other, strict=True) if a != b]
    return len(pairs) <= 1 + (len(name) > 3) and all(_word_typo(a, b, strict=strict) for a, b in pairs)


def _word_typo(word: str, other: str, *, strict: bool) -> bool:
    if min(len(word), len(other)) < _LONG or not (word.isalpha() and other.isalpha()):
        return False
    if word[0] != other[0] or (strict and len(word) == len(other) and sorted(word) != sorted(other)):
        return False
    allowed = 2 if min(len(word), len(other)) >= _VERY_LONG and not strict else 1
    return OSA.distance(word, other, score_cutoff=allowed) <= allowed


def likeness(one: str, other: str) -> float:
    """How alike two normalised names are, 0 to 1."""
    return fuzz.ratio(one, other) / 100


def overlap(one: str, other: str) -> float:
    """How much two normalised names share, whatever one has beyond the other, 0 to 1: for suggestions only."""
    return fuzz.token_set_ratio(one, other) / 100


_SHORT = 2  # letters of a series' key that can stand for a number
Found = defaultdict[str, list[Team]]
Structures = defaultdict[tuple[str, tuple[str, ...]], list[Team]]


class Entry(NamedTuple):
    """A team, and its name read once."""

    team: Team
    own: Reading
    folded: str


class SeriesIndex:
    """The teams of one series of one league."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.entries: list[Entry] = []
        self.by_name: Found = defaultdict(list)
        self.by_words: Found = defaultdict(list)
        self.by_structure: Structures = defaultdict(list)
        self.by_club: Found = defaultdict(list)

    def add(self, team: Team) -> Entry:
        """Index one team."""
        entry = Entry(team, own_reading(team.name, self.key), normalise(team.name))
        self.entries.append(entry)
        self.by_name[team.name].append(team)
        self.by_words[entry.folded].append(team)
        self.by_structure[entry.own.key].append(team)
        self.by_club[squash(entry.own.club)].append(team)
        return entry


class LeagueIndex:
    """The teams of one league, by series and by name alone, and the names that people confirmed in it."""

    def __init__(self) -> None:
        self.series: dict[str, SeriesIndex] = {}
        self.by_name: Found = defaultdict(list)
        self.by_words: Found = defaultdict(list)
        self.by_word: Found = defaultdict(list)
        self.by_structure: Structures = defaultdict(list)
        self.clubs: set[str] = set()
        self.aliases: defaultdict[tuple[str, str], list[Team]] = defaultdict(list)
        self._keys_by_last_word: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, team: Team) -> None:
        """Index one team."""
        key = series_key(team.series)
        index = self.series.setdefault(key, SeriesIndex(key))
        reading = index.add(team).own
        self.by_structure[reading.key].append(team)
        self.by_name[team.name].append(team)
        self.by_words[normalise(team.name)].append(team)
        for word in set(bare(words(team.name))):
            self.by_word[word].append(team)
        self.clubs.add(squash(reading.club))
        self._keys_by_last_word[key.rpartition(" ")[2]].add(key)

    def confirm(self, alias: Alias, team: Team) -> None:
        """Index one confirmed name; without a series its key is "", which counts in the whole league."""
        self.aliases[series_key(alias.series or ""), normalise(alias.name)].append(team)

    def ordinal(self, key: str) -> str:
        """The number of a series of letters: A is 1, B is 2, and SN comes behind the last letter; "" for others."""
        if not (key.isascii() and key.isalpha() and len(key) <= _SHORT):
            return ""
        if len(key) == 1:
            return str(ord(key) - ord("a") + 1)
        return str(sum(other.isalpha() and len(other) <= _SHORT and other <= key for other in self.series))

    def series_in(self, name: str) -> Iterator[SeriesIndex]:
        """The series whose names could stand in this name."""
        keys: set[str] = set()
        for word in set(words(name)):
            for spelling in {word, word.lstrip("0"), word.removeprefix("s"), word.removeprefix("s")[:-1]}:
                keys |= self._keys_by_last_word.get(spelling, set())
        return (self.series[key] for key in sorted(keys))


def build(teams: Sequence[Team], aliases: Sequence[Alias]) -> dict[str, LeagueIndex]:
    """The index of each league; an alias of a team that is not there is left out."""
    leagues: defaultdict[str, LeagueIndex] = defaultdict(LeagueIndex)
    # by id, so that nothing depends on the order in which teams come
    for team in sorted(teams, key=lambda team: team.id):
        leagues[team.league].add(team)
    by_id = {team.id: team for team in teams}
    for alias in sorted(aliases, key=lambda alias: alias.team_id):
        meant = by_id.get(alias.team_id)
        if meant and meant.league == alias.league:
            leagues[alias.league].confirm(alias, meant)
    return dict(leagues)


_MARGIN = 0.05
_WORTH_SUGGESTING = 0.6
_SUGGESTIONS = 3
_RARE = 60


def by_structure(league: LeagueIndex, series: SeriesIndex, name: str, *, explicit: bool = False) -> list[Team]:
    """Teams whose club and squad the name can mean; `explicit` wants the series told by the name itself."""
    candidates = {
        team.id: team
        for reading in _sound(league, series, name, explicit=explicit)
        for team in series.by_structure.get(reading.key, ())
    }
    return list(candidates.values())


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
    candidates: dict[int, Entry] = {}
    for reading in _sound(league, series, name, explicit=explicit):
        # a club that plays elsewhere in the league is rather that club than a mistake for this one
        strict = squash(reading.club) in league.clubs
        for entry in series.entries:
            if entry.own.squads == reading.squads and is_typo(reading.club, entry.own.club, strict=strict):
                candidates[entry.team.id] = entry
    return [entry.team for entry in candidates.values() if len(candidates) == 1 and _stands_out(series, entry, name)]


def _sound(league: LeagueIndex, series: SeriesIndex, name: str, *, explicit: bool) -> Iterable[Reading]:
    """The readings of a name in a series; none where its end is another series of the league ("Winnetka - 2")."""
    possible = readings(name, series.key, league.ordinal(series.key))
    told = any(reading.explicit for reading in possible)
    if not told and (explicit or _other_series(league, series, name)):
        return ()
    return (reading for reading in possible if reading.explicit or not explicit)


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
