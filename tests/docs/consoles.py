"""The commands in a document: what stands behind `$` in its console blocks, with the output shown below it.

In the output `...` stands for anything, on a line of its own for any lines. `# exit 3` behind a command is the exit
code that it is to have, otherwise 0; a check that says nothing of it may find what it wants. `export NAME=VALUE` holds
for the rest of the document.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
EXIT = re.compile(r"\s+# exit (\d+)$")
ANYTHING = "..."


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a document to be run."""

    words: tuple[str, ...]
    line: int
    codes: frozenset[int] = frozenset({0})
    shown: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands(document: Path) -> list[Command]:
    """The commands of a document, in their order."""
    text = document.read_text(encoding="utf-8")
    return [
        command
        for block in BLOCK.finditer(text)
        for command in _of_block(block.group(1), text.count("\n", 0, block.start()) + 2)
    ]


def _of_block(block: str, first: int) -> Iterator[Command]:
    lines = dedent(block).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        text = lines[start].removeprefix("$ ")
        code = EXIT.search(text)
        words = shlex.split(EXIT.sub("", text))
        codes = {int(code.group(1))} if code else {0, 1, 5} if words[1:2] == ["check"] else {0}
        yield Command(tuple(words), first + start, frozenset(codes), tuple(lines[start + 1 : end]))


def is_shown(shown: Sequence[str], output: str) -> bool:
    """Whether an output is what a document shows; one that shows nothing shows enough."""
    if not shown:
        return True
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == ANYTHING else _line(line) for line in shown)
    return re.fullmatch(pattern, output if output.endswith("\n") else f"{output}\n") is not None


def _line(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split(ANYTHING)) + r"[ ]*\n"
