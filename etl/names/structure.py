"""Take a team's name apart: its club, and which of the club's teams in the series it is.

"Birchwood - 11 (Division 11)" in series 11 is the club Birchwood. "Hinsdale PC 1b", "Prairie Club II - 25",
"Evanston H(1)" and "Wilmette S1 T2" also name a squad: b, ii, 1, t2. Names with different squads never mean one team.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from etl.names.series import CITY, PREFIXES
from etl.names.text import SEPARATOR, squash, trimmed, words

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
    found = frozenset(_read(parts, key, (), explicit=False, cities=True))
    if not ordinal or parts[-1:] != (ordinal,):
        return found
    numbered = _read(trimmed(parts[:-1]), key, (), explicit=False, cities=True)
    return found | {reading for reading in numbered if reading.explicit}


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
