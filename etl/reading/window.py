"""A sliding window of text over a file, and the end of a broken row in it, found by quotes and brackets alone.

The decoder cannot say whether a row is broken or merely cut by the window, nor where a broken one ends; the structure
can. Each character is looked at once, however long the row.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Protocol

PIECE = 1 << 16
"""Bytes that are read at once: their rows stay in the processor's cache until they are written."""
GZIP = b"\x1f\x8b"
_SPACE = re.compile(r"[ \t\r\n]*")
_BREAKS = re.compile(rb"[ \t\r]*(?:\n[ \t\r]*)+")
LINES = frozenset({".jsonl", ".ndjson"})
"""Endings of files with one JSON value a line."""


class Reader(Protocol):
    """What a window reads from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; empty at the end."""


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """A feed's bytes as those of one JSON array, whether it is compressed by gzip or has one row a line."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        plain = _Unpacked(gzip.GzipFile(fileobj=file)) if packed else file
        yield _Rows(plain) if LINES & set(path.with_name(path.name.lower()).suffixes) else plain


class _Unpacked:
    """A gzip file of which what is there is read: cut off, it ends where it was cut, as any other file does."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read1(size)
        except EOFError:
            if self._file.tell():
                return b""
            raise OSError(errno.EIO, "it is a gzip file that is cut off at its beginning") from None
        except zlib.error as error:
            raise OSError(errno.EIO, f"it is no sound gzip file ({error})") from error


class _Rows:
    """One JSON value a line, as the array that they make: line breaks stand nowhere else in JSON that is so written."""

    def __init__(self, file: Reader) -> None:
        self._pieces = _array(file)

    def read(self, _size: int, /) -> bytes:
        return next(self._pieces, b"")


def _array(file: Reader) -> Iterator[bytes]:
    yield b"["
    space, begun = b"", False
    while piece := file.read(PIECE):
        text = space + piece
        rows = text.rstrip()
        space = text[len(rows) :]  # a break only where a row follows
        if rows:
            yield _BREAKS.sub(b",\n", rows if begun else rows.removeprefix(codecs.BOM_UTF8).lstrip())
            begun = True
    yield b"]"


class Window:
    """The part of the file that is in memory: `text`, and in it `pos`, the place up to which it is read.

    Bytes that are not UTF-8 become lone surrogates, which validation refuses with the field's name: one bad byte
    costs one row, not the file. `indent` is what stands before a row where each begins on a line of its own.
    """

    def __init__(self, file: Reader, on_bytes: Callable[[int], None] | None = None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._dropped = 0
        self.text = ""
        self.pos = 0
        self.indent: str | None = None
        self.fill()
        self.pos = int(self.text.startswith("\ufeff"))

    @property
    def offset(self) -> int:
        """How many characters of the file lie before `pos`."""
        return self._dropped + self.pos

    def fill(self) -> bool:
        """Append the next piece of the file; False at its end."""
        piece = self._file.read(PIECE)
        self.text += self._decoder.decode(piece, final=not piece)
        if piece and self._on_bytes:
            self._on_bytes(len(piece))
        return bool(piece)

    def drop(self) -> None:
        """Forget the text before `pos`."""
        self._dropped += self.pos
        self.text = self.text[self.pos :]
        self.pos = 0

    def peek(self) -> str:
        """The next character that is no space, at which `pos` then stands; "" at the end of the file."""
        while True:
            space = _SPACE.match(self.text, self.pos)
            self.pos = space.end() if space else self.pos
            if self.pos < len(self.text):
                return self.text[self.pos]
            self.drop()
            if not self.fill() and not self.text:
                return ""

    def learn_indent(self) -> None:
        """Take the space between the last line break and `pos` as what stands before every row."""
        before = self.text[: self.pos]
        line = before.rfind("\n")
        if line >= 0 and not before[line + 1 :].strip(" \t"):
            self.indent = before[line:]


ROW_LIMIT = 1 << 20
"""Characters of a row that are kept in memory; a longer row is passed over."""

_MARK = re.compile(r'\\.|["{}\[\],\n]', re.DOTALL)
_CLOSES = {ord("}"): ord("{"), ord("]"): ord("[")}


class Damage(Enum):
    """Why a row has no end."""

    CUT = "the file is cut off in the middle of the row"
    BROKEN = "the quotes or brackets of the row do not match"


class Ending:
    """The scan of one row: `find` returns where it ends, and `head` holds its beginning where it was too long."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._lines = window.indent is not None
        self._open = bytearray()
        self._quoted = False
        self._escape_read = False
        self.head = ""

    def find(self) -> int | Damage:
        """The place in the window of the comma or bracket after the row that begins at `pos`."""
        at = self._window.pos
        while (place := self._advance(at)) is None:
            text = self._window.text
            at = len(text) - (text.endswith("\\") and not self._escape_read)
            if len(text) - self._window.pos > ROW_LIMIT or self.head:
                at -= self._pass_over(at)
            if not self._window.fill():
                return Damage.CUT
        return place

    def _pass_over(self, at: int) -> int:
        """Forget the row so far: what is left of it is only counted."""
        window = self._window
        self.head = self.head or window.text[window.pos : window.pos + ROW_LIMIT // 16]
        window.pos = at
        window.drop()
        return at

    def _advance(self, at: int) -> int | Damage | None:
        end = at
        for mark in _MARK.finditer(self._window.text, at):
            end = mark.end()
            found = self._read(mark[0], mark.start())
            if found is not None:
                return found
        self._escape_read = end == len(self._window.text)
        return None

    def _read(self, mark: str, at: int) -> int | Damage | None:
        if self._quoted:
            self._quoted = mark != '"'
            # a JSON string never holds a raw line break: where rows stand on lines, a quote is missing
            return Damage.BROKEN if mark == "\n" and self._lines else None
        if mark == '"':
            self._quoted = True
        elif mark in "{[":
            self._open.append(ord(mark))
        elif mark in "]," and not self._open:
            return at
        elif mark in "}]":
            return None if self._open and self._open.pop() == _CLOSES[ord(mark)] else Damage.BROKEN
        return None


def next_row(window: Window) -> int:
    """Move `pos` to the next row that begins on a line of its own, or to the end; how many characters were lost."""
    start = window.offset
    mark = f"{window.indent}{{" if window.indent is not None else None
    while mark is None or (at := window.text.find(mark, window.pos + 1)) < 0:
        window.pos = max(window.pos, len(window.text) - len(mark or ""))
        window.drop()
        if not window.fill():
            window.pos = len(window.text)
            return window.offset - start
    window.pos = at + len(mark) - 1
    return window.offset - start
