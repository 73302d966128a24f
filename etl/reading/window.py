"""A sliding window of text over a file, so that a feed of any size takes a few megabytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import BinaryIO

PIECE = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")


class Window:
    """The part of the file that is in memory: `text`, and in it `pos`, the place up to which it is read.

    Bytes that are not UTF-8 become lone surrogates, which validation refuses with the field's name: one bad byte
    costs one row, not the file. `indent` is what stands before a row where each begins on a line of its own.
    """

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], None] | None = None) -> None:
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
