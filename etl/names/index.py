"""Teams by everything that a name can say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from etl.names.model import Alias, Team
from etl.names.series import series_key
from etl.names.structure import Reading, own_reading
from etl.names.text import bare, normalise, squash, words

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
        own = index.add(team).own
        self.by_structure[own.key].append(team)
        self.by_name[team.name].append(team)
        self.by_words[normalise(team.name)].append(team)
        for word in set(bare(words(team.name))):
            self.by_word[word].append(team)
        self.clubs.add(squash(own.club))
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
