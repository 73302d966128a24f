"""Finding rules the way pytest finds tests: whatever carries a mark in the given packages, folders and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from checks.engine.loading import Found, load, load_entry_points
from checks.engine.marks import CHECK, FIX, FIXTURE
from checks.engine.rules import Rules


def collect(sources: Iterable[str | Path], *, plugins: bool = False, provided: Iterable[str] = ()) -> Rules:
    """All rules, fixtures and fixes in `sources` (packages, folders, files), and with `plugins` of installed ones.

    The module that a rule stands in is its domain, unless it says `DOMAIN = "..."`. `provided` names what the run
    will hand in besides `today` and `now`. Raises CollectError and CheckDefinitionError.
    """
    found = [found for source in sources for found in load(source)]
    if plugins:
        found.extend(load_entry_points())
    # a source can be named twice, or hold another
    once = {one.module.__name__: one for one in reversed(found)}
    return Rules.assemble(_members(reversed(once.values())), provided=provided)


def _members(modules: Iterable[Found]) -> Iterator[tuple[Callable[..., Any], str]]:
    seen: set[int] = set()
    for found in modules:
        for member in list(vars(found.module).values()):
            if _belongs(member, found) and id(member) not in seen:
                seen.add(id(member))
                yield member, found.domain


def _belongs(member: object, found: Found) -> bool:
    marks = getattr(member, "__dict__", {})
    if not callable(member) or isinstance(member, type):
        return False
    # an imported rule is collected where it stands, or not at all; a fixture may be shared by import
    return FIXTURE in marks or ((CHECK in marks or FIX in marks) and member.__module__ == found.module.__name__)
