"""Names without what typing changes: case, accents, spaces, punctuation.

A folded name is a row of words. A "-" among them is a separator (a dash between spaces, a bracket, a slash): where
the club ends and the series begins must not be lost before the two are told apart.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SEPARATOR = "-"
_DASHES = re.compile(r"[‐-―−﹘﹣－]")
_BREAKS = re.compile(r"(?<!\S)-+|-+(?!\S)|[()\[\]{}/|,;:]")
# a dot or a plus belongs to a figure ("3.5", "4.5+"); anywhere else it is punctuation
_WORD = re.compile(r"\d+(?:\.\d+)+\+?|[^\W_]+(?:(?<=\d)\+)?|(?<!\S)-(?!\S)")


@lru_cache(maxsize=100_000)
def words(text: str) -> tuple[str, ...]:
    """The folded words of a name, with "-" for each separator between two of them."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
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
