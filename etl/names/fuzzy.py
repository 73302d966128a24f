"""Forgive a typing mistake, and nothing else.

"Prarie" is "Prairie"; but "Hinsdale GC" is not "Hinsdale PC", though they differ by one letter too. So mistakes count
word by word, in long words only, and never in an initial, a figure, an abbreviation or a squad.
"""

from __future__ import annotations

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from etl.names.text import bare

_LONG = 6
_VERY_LONG = 10


def is_typo(one: tuple[str, ...], other: tuple[str, ...], *, strict: bool) -> bool:
    """Whether two clubs' words differ by typing mistakes in long words; `strict` allows no replaced letter."""
    one, other = bare(one), bare(other)
    if len(one) != len(other) or one == other:
        return False
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(pairs) <= 1 + (len(one) > 3) and all(_word_typo(a, b, strict=strict) for a, b in pairs)


def _word_typo(one: str, other: str, *, strict: bool) -> bool:
    if min(len(one), len(other)) < _LONG or not (one.isalpha() and other.isalpha()):
        return False
    if one[0] != other[0] or (strict and len(one) == len(other) and sorted(one) != sorted(other)):
        return False
    allowed = 2 if min(len(one), len(other)) >= _VERY_LONG and not strict else 1
    return OSA.distance(one, other, score_cutoff=allowed) <= allowed


def likeness(one: str, other: str) -> float:
    """How alike two normalised names are, 0 to 1."""
    return fuzz.ratio(one, other) / 100


def overlap(one: str, other: str) -> float:
    """How much two normalised names share, whatever one has beyond the other, 0 to 1: for suggestions only."""
    return fuzz.token_set_ratio(one, other) / 100
