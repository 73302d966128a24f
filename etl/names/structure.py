"""A team's name taken apart, whatever typing changed: its club, its series, and which of the club's teams it is.

A folded name is a row of words without case, accents and punctuation. A "-" among them is a separator (a dash between
spaces, a bracket, a slash): where the club ends and the series begins must not be lost before the two are told apart. A
series has one key: "Chicago 20", "Series 20", "Division 20" and "20" are one.

"Birchwood - 11 (Division 11)" in series 11 is the club Birchwood. "Hinsdale PC 1b", "Prairie Club II - 25", "Evanston
H(1)" and "Wilmette S1 T2" also name a squad: b, ii, 1, t2. Names with different squads never mean one team.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

SEPARATOR = "-"
_DASHES = re.compile(r"[‐-―−﹘﹣－]")
_BREAKS = re.compile(r"(?<!\S)-+|-+(?!\S)|[()\[\]{}/|,;:]")
# a dot or a plus belongs to a figure ("3.5", "4.5+"); anywhere else it is punctuation
_WORD = re.compile(r"\d+(?:\.\d+)+\+?|[^\W_]+(?:(?<=\d)\+)?|(?<!\S)-(?!\S)")


_FOLDED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n",
     **dict.fromkeys("ʼʻʽˈ′`´‘’‛", "'")}
)  # fmt: skip
"""Letters that Unicode does not take apart, and what stands for an apostrophe."""


@lru_cache(maxsize=100_000)
def words(text: str) -> tuple[str, ...]:
    """The folded words of a name, with "-" for each separator between two of them."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_FOLDED)
    spaced = _BREAKS.sub(" - ", _DASHES.sub("-", plain).replace("&", " and "))
    return trimmed(tuple(_WORD.findall(spaced)))


def trimmed(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The words without separators at the ends, or two in a row."""
    kept: list[str] = []
    for part in parts:
        if part != SEPARATOR or (kept and kept[-1] != SEPARATOR):
            kept.append(part)
    return tuple(kept[:-1] if kept and kept[-1] == SEPARATOR else kept)


def bare(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The words without separators."""
    return tuple(part for part in parts if part != SEPARATOR)


def normalise(text: str) -> str:
    """The name's words in lower case with one space between; normalising twice changes nothing."""
    return " ".join(bare(words(text)))


def squash(parts: tuple[str, ...]) -> str:
    """Words run together, so that "Northshore" is "North Shore"; figures stay apart: "1 1" is not "11"."""
    out = ""
    for part in bare(parts):
        out += f" {part}" if out[-1:].isdigit() and part[0].isdigit() else part
    return out


PREFIXES = frozenset({"series", "division", "div", "ser"})
CITY = "chicago"
"""APTA Chicago's prefix; before anything but a figure it belongs to a club ("Chicago Highlands")."""
_SHORT = re.compile(r"s\d+[a-z]?")


@lru_cache(maxsize=10_000)
def series_key(text: str) -> str:
    """What all spellings of a series have in common, such as "20", "9 sw", "2a" or "3.5 and under wed"."""
    parts = bare(words(text))
    while len(parts) > 1 and (parts[0] in PREFIXES or (parts[0] == CITY and parts[1][0].isdigit())):
        parts = parts[1:]
    if len(parts) == 1 and _SHORT.fullmatch(parts[0]):
        parts = (parts[0][1:],)
    return " ".join(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)


Parts = tuple[str, ...]
_SQUAD = re.compile(r"[a-z]|t?\d|i{1,3}|iv|vi{0,3}|ix")
_TRAILING_SQUAD = re.compile(r"\d|i{1,3}|iv|vi{0,3}|ix")
_PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a name in a series; `explicit` if the name itself tells the series."""

    club: Parts
    squads: Parts
    explicit: bool

    @property
    def key(self) -> tuple[str, Parts]:
        """What two names of one team have in common."""
        return squash(self.club), self.squads


@lru_cache(maxsize=10_000)
def readings(name: str, series: str, ordinal: str = "") -> frozenset[Reading]:
    """Every way to read a name in the series of this key: "Midtown - Chicago 4" may be of Midtown or of its Chicago.

    `ordinal` is the number that a series of letters also goes by: one CNSWPL schedule has "Lake Forest A 1" and
    "Winnetka B(1) 2" for its standings' "Lake Forest A" and "Winnetka B(1)".
    """
    parts, key = words(name), tuple(series.split())
    plain = frozenset(_read(parts, key, (), explicit=False, cities=True))
    if not ordinal or parts[-1:] != (ordinal,):
        return plain
    numbered = _read(trimmed(parts[:-1]), key, (), explicit=False, cities=True)
    return plain | {reading for reading in numbered if reading.explicit}


def own_reading(name: str, series: str) -> Reading:
    """How a team's own name reads: here "Chicago" is a part of the club, "Midtown - Chicago - 4" is no Midtown."""
    return next(_read(words(name), tuple(series.split()), (), explicit=False, cities=False))


def names_only_series(name: str, series: str) -> bool:
    """Whether nothing but the series stands in the name, as in " - 9 SW"."""
    parts = words(name)
    return not parts or any(not rest for rest, _ in _stripped(parts, tuple(series.split()), cities=True))


def _read(parts: Parts, series: Parts, squads: Parts, *, explicit: bool, cities: bool) -> Iterator[Reading]:
    shorter = [(rest, squad) for rest, squad in _stripped(parts, series, cities=cities) if rest]
    for rest, squad in shorter:
        yield from _read(rest, series, squad + squads, explicit=True, cities=cities)
    if not shorter:
        yield _finished(parts, squads, explicit=explicit)


def _finished(parts: Parts, squads: Parts, *, explicit: bool) -> Reading:
    if len(parts) > 1 and parts[-1] == _PRACTICE:
        parts = trimmed(parts[:-1])
    if len(parts) > 1 and _TRAILING_SQUAD.fullmatch(parts[-1]):
        return Reading(trimmed(parts[:-1]), (parts[-1], *squads), explicit)
    return Reading(parts, squads, explicit)


def _stripped(parts: Parts, series: Parts, *, cities: bool) -> Iterator[tuple[Parts, Parts]]:
    """What stands before the series at the name's end, and the squad that stands behind or on it."""
    if not parts or not series:
        return
    for rest, squad in _before_series(parts, series):
        if rest[-1:] and rest[-1] in PREFIXES:
            yield trimmed(rest[:-1]), squad
            continue
        yield trimmed(rest), squad
        if cities and rest[-1:] == (CITY,) and (len(rest) == 1 or rest[-2] in (SEPARATOR, _PRACTICE)):
            yield trimmed(rest[:-1]), squad


def _before_series(parts: Parts, series: Parts) -> Iterator[tuple[Parts, Parts]]:
    whole = _without_tail(parts, series)
    if whole is not None:
        yield whole, ()
        return
    if len(series) == 1 and (glued := _glued(parts[-1], series[0])) is not None:
        yield parts[:-1], glued
    elif len(parts) > 1 and _SQUAD.fullmatch(parts[-1]):
        yield from _before_squad(parts, series)


def _before_squad(parts: Parts, series: Parts) -> Iterator[tuple[Parts, Parts]]:
    """The series stands before a squad: "H(1)", "99 A", "S1 T2"."""
    front = trimmed(parts[:-1])
    whole = _without_tail(front, series)
    if whole is not None:
        yield whole, (parts[-1],)
    elif len(series) == 1 and front and _glued(front[-1], series[0]) == ():
        yield front[:-1], (parts[-1],)


def _without_tail(parts: Parts, series: Parts) -> Parts | None:
    """What is left of the words when the series' words are taken off their end, whatever separates them."""
    rest = parts
    for word in reversed(series):
        rest = rest[:-1] if rest[-1:] == (SEPARATOR,) else rest
        if not rest or (rest[-1] != word and not (word.isdigit() and rest[-1].lstrip("0") == word)):
            return None
        rest = rest[:-1]
    return rest


def _glued(word: str, series: str) -> Parts | None:
    """The squad of a word like "1a", "s1" or "s2b" in the series of this figure; () without one, None for others."""
    if not series[0].isdigit():
        return None
    tail = word.removeprefix("s")
    if tail == series:
        return ()
    letter = tail.removeprefix(series)
    return (letter,) if len(letter) == 1 and letter.isalpha() and tail != letter else None


_WEEKDAYS = frozenset({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"})


def club_of(league: str, series: str, team_name: str) -> str:
    """The club's name as it stands in the team's: "Winnetka" of "Winnetka - 1", "Hinsdale PC" of "Hinsdale PC 1b".

    Spaces are tidied, letters are not. A name that is nothing but a series is its own club. All leagues of today
    follow the same forms; `league` is asked for so that one of another form can come.
    """
    del league
    text = " ".join(team_name.split())
    club = own_reading(text, series_key(series)).club
    if len(club) > 1 and club[-1] in _WEEKDAYS:
        club = club[:-1]
    return next((start for start in _starts(text) if words(start) == club), text)


def _starts(text: str) -> list[str]:
    """The beginnings of a text that end with a letter or a figure, shortest first."""
    ends = (at for at in range(1, len(text) + 1) if text[at - 1].isalnum() or text[at - 1] in ".&")
    return [text[:at] for at in ends]
