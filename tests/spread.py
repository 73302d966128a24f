"""Which tests of `make slow` stay together in one process: those of a file that share something, and no others.

A file was one piece. The longest takes two minutes, and a minute went by in which one process had work left.
`--dist loadgroup` is of no use: with pytest 9.2 it groups nothing (pytest-xdist's issue 1386).
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

SHARING = re.compile(r'scope="module"|\b(prefect_api|browser|unconstrained|loose|shelves)\b')
"""What a file makes once for its tests, or asks for of that kind; on the one Prefect server it would meet itself."""


class Spread(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Files that share go first, those with many tests before others; then each test is where there is time for it."""

    workqueue: OrderedDict[str, dict[str, bool]]

    def _split_scope(self, nodeid: str) -> str:
        return piece(self.config.rootpath, nodeid)

    def schedule(self) -> None:
        """Put the pieces in their order, once it is known which there are."""
        begun = self.collection is not None
        super().schedule()
        if not begun:
            self.workqueue = OrderedDict((each, self.workqueue[each]) for each in taking_turns(self.workqueue))


def taking_turns(pieces: Iterable[str]) -> list[str]:
    """Files as they come; of the tests by themselves the first of each file, then the second of each, and so on.

    What the first test of a file makes for a whole run (a demo that is played) would keep all processes waiting that
    come to that file at the same time.
    """
    before = Counter[str]()

    def turn(piece: str) -> int:
        file, _, test = piece.partition("::")
        before[file] += bool(test)
        return before[file]

    return sorted(pieces, key=turn)


def piece(root: Path, nodeid: str) -> str:
    """What goes to one process in one piece with a test."""
    file = nodeid.partition("::")[0]
    return file if _shares(root / file) else nodeid


@cache
def _shares(file: Path) -> bool:
    return bool(SHARING.search(file.read_text(encoding="utf-8")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread | None:
    """Stands for `--dist loadfile`."""
    return Spread(config, log) if config.getvalue("dist") == "loadfile" else None
