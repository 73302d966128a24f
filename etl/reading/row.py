"""What reading a feed yields, and how foreign text is shown to people."""

from __future__ import annotations

from dataclasses import dataclass

RAW_LIMIT = 10_000
"""Characters that are kept of a raw row; what is longer is cut, and says so."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands for a row that could not be read; `lost` counts the characters that went with it."""

    reason: str
    raw: str
    lost: int = 0


def storable(text: str) -> str:
    """The text with NUL and lone surrogates escaped, so that PostgreSQL takes it in a text column."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode("utf-8")


def capped(text: str, limit: int = RAW_LIMIT) -> str:
    """The text, storable, its first `limit` characters at most; a cut is said at the end."""
    if len(text) <= limit:
        return storable(text)
    return f"{storable(text[:limit])}… (cut: {limit:,} of {len(text):,} characters)"


def quoted(text: str, limit: int = 40) -> str:
    """The text as a short, printable quotation for a message."""
    return ascii(text) if len(text) <= limit else f"{text[:limit]!a}…"
