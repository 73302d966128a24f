"""Words that agree with their number, wherever a person reads a count."""

from __future__ import annotations


def number_of(number: int, plural: str, sign: str = "") -> str:
    """A number of things: "1 row", "2,058 rows", with "+" as its sign "+1 row"; `plural` is the word with its s."""
    return f"{number:{sign},} {plural.removesuffix('s') if abs(number) == 1 else plural}"
