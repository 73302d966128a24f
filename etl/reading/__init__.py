"""Reads the rows of a feed, whatever the file holds, in bounded memory.

Decoders run over a sliding window of text: faster than `json.load` and 16 MB for any file, where ijson's C back end
crashes on hostile input and orjson needs 6.5 times the file. jiter decodes a whole page of sound rows at once, in half
the time of the stdlib; the stdlib decodes a row alone, and tells where it ends and what is wrong with it. Both are
guarded against what JSON does not know and what would be lost in silence.

A row that cannot be read is handed on as `Unreadable` in its place; the rows behind it follow wherever it is certain
where they begin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import jiter

from etl import FeedError
from etl.reading.window import ROW_LIMIT, Damage, Ending, Window, next_row, opened
from etl.words import number_of

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


class BadRow(ValueError):
    """A row that is no JSON value; the message continues a sentence that begins with "the row"."""


def _constant(text: str) -> NoReturn:
    raise BadRow(f"holds {text}, which is no JSON number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):  # the last one would win without a word
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadRow(f"gives the key {quoted(twice)} twice")
    return row


_decoder = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_distinct)
decode_at = _decoder.raw_decode
"""Decode the value that begins at a position; raises ValueError or RecursionError."""


def decode(text: str) -> object:
    """Decode a text that is one JSON value and nothing else; BadRow says what is wrong with it."""
    try:
        return _decoder.decode(text)
    except BadRow:
        raise
    except RecursionError:
        raise BadRow("nests too deeply") from None
    except json.JSONDecodeError as error:
        raise BadRow(f"is not valid JSON: {error.msg} at its character {error.pos:,}") from None
    except ValueError:  # int() refuses more than 4,300 digits
        raise BadRow("holds an integer of more than 4,300 digits") from None


# a text that comes again is the same object: less memory, and faster look-ups later
_QUICK: dict[str, Any] = {"allow_inf_nan": False, "cache_mode": "all"}


def decode_page(text: str) -> list[object] | None:
    """Decode rows that commas separate, all at once; None where one of them has to be looked at alone.

    What this accepts, `decode` accepts with the same value: NaN, double keys, half surrogates and trailing commas are
    refused here, too.
    """
    try:
        page = b"[%b]" % text.encode()
        rows: list[object] = jiter.from_json(page, **_QUICK)
        return rows if _keys_differ(page, rows) else jiter.from_json(page, **_QUICK, catch_duplicate_keys=True)
    except ValueError:
        return None


def _keys_differ(page: bytes, rows: Sequence[Any]) -> bool:
    """Whether it is certain that no row gives a key twice: the rows have as many keys as are written in the page.

    The parser itself takes as long to see that as to parse. A key ends in `":`, gaps aside; inner objects, and texts
    with these two characters, only make it uncertain.
    """
    if set(map(type, rows)) != {dict}:
        return False
    return page.translate(None, b" \t\r\n").count(b'":') == sum(map(len, rows))


_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_NO_ARRAYS = {"{": "is one JSON object", "<": "is a web page or XML", '"': "is one JSON string"}
_NOT_UTF8 = ("\udcff\udcfe", "\udcfe\udcff")  # the mark of UTF-16, as bytes that are no UTF-8


def extract(path: Path, *, on_bytes: Callable[[int], None] | None = None) -> Iterator[object]:
    """Yield the array's elements in order: any JSON value, or `Unreadable` in the place of one.

    `on_bytes` is called with the number of bytes of each read.
    Raises FeedError where there is no array of rows at all: an empty file, an object, a web page, no JSON.
    """
    try:
        with opened(path) as file:
            window = Window(file, on_bytes)
            _open_array(window, path)
            yield from chain.from_iterable(_pages(window))
    except OSError as error:
        raise FeedError(f"{path} cannot be read: {error.strerror}") from error


def _open_array(window: Window, path: Path) -> None:
    first = window.peek()
    if first == "[" and "\x00" not in window.text[:4]:  # UTF-16 without a mark
        window.pos += 1
        return
    raise FeedError(f"{path} {_found(window.text[window.pos :])}, expected a JSON array of rows")


def _found(text: str) -> str:
    if not text:
        return "is empty"
    if text.startswith(_NOT_UTF8) or "\x00" in text[:4]:
        return "is not UTF-8 text"
    return _NO_ARRAYS.get(text[0]) or f"begins with {quoted(text[:20])}"


def _pages(window: Window) -> Iterator[Sequence[object]]:
    index = 0
    going_on = window.peek() != "]"
    window.learn_indent()
    while going_on:
        values = _sound_values(window)
        yield values
        index += len(values)
        element, going_on = _next(window, index)
        yield (element,)
        index += 1
    yield list(_trailing(window, index))


def _sound_values(window: Window) -> list[object]:
    """The rows up to the first that is broken, cut by the window, or the last."""
    window.peek()
    text, pos = window.text, window.pos
    values: list[object] = []
    between = _between(text, pos)
    end = text.rfind(between, pos) if between else -1
    page = decode_page(text[pos : end + 1]) if end >= 0 else None
    if page is not None:
        values, pos = page, end + len(between) - 1
    while True:
        try:
            value, end = decode_at(text, pos)
        except (ValueError, RecursionError):
            break
        comma = _COMMA.match(text, end)
        if comma is None:
            break
        pos = comma.end()
        values.append(value)
    window.pos = pos
    window.drop()
    return values


def _between(text: str, pos: int) -> str:
    """What stands between the first object and the second, their brackets included; empty where it is not certain."""
    try:
        _, end = decode_at(text, pos)
    except (ValueError, RecursionError):
        return ""
    comma = _COMMA.match(text, end)
    objects = comma and text[end - 1] == "}" and text.startswith("{", comma.end())
    return text[end - 1 : comma.end() + 1] if comma and objects else ""


def _next(window: Window, index: int) -> tuple[object, bool]:
    """The row at `pos`, sound or not, and whether another can follow."""
    first = window.peek()
    if not first:
        return Unreadable(f"the file is cut off after row {index - 1:,}: no closing bracket", ""), False
    if first == "]":
        return Unreadable("a comma that no row follows", ","), False
    start = window.offset
    ending = Ending(window)
    end = ending.find()
    if isinstance(end, Damage):
        return _resume(window, end)
    going_on = window.text[end] == ","
    element = _element(window.text[window.pos : end], ending.head, window.offset - start)
    window.pos = end + going_on
    return element, going_on


def _element(text: str, head: str, passed: int) -> object:
    if head:
        reason = f"the row is longer than {ROW_LIMIT:,} characters"
        return Unreadable(reason, capped(head), lost=passed + len(text))
    try:
        return decode(text)
    except BadRow as error:
        return Unreadable(f"the row {error}", capped(text), lost=len(text))


def _resume(window: Window, damage: Damage) -> tuple[object, bool]:
    """Go on at the next row where rows stand on lines of their own; anywhere else it would be a guess."""
    text = window.text[window.pos :]
    # the file may be cut right behind a whole row; of a bare number, a digit may be missing
    whole = damage is Damage.CUT and text[0] in '{["'
    if whole and not isinstance(row := _element(text, "", 0), Unreadable):
        window.pos = len(window.text)
        return row, True  # what is missing behind it is reported next
    lost = next_row(window)
    going_on = window.pos < len(window.text)
    reason = damage.value if going_on else f"{damage.value}: {lost:,} characters up to the end of the file are lost"
    return Unreadable(reason, capped(text[:lost]), lost), going_on


def _trailing(window: Window, index: int) -> Iterator[Unreadable]:
    if window.text[window.pos : window.pos + 1] != "]":
        return
    window.pos += 1
    if window.peek():
        reason = f"the file goes on after its array of {number_of(index, 'rows')}"
        yield Unreadable(reason, capped(window.text[window.pos :]))
