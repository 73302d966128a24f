"""Statements that a process of the tests compiles once, not for the database of each test anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

MOST = 2000
"""Statements that are kept."""
PLAIN = (str, int, tuple, type(None))

_first: dict[Any, tuple[Dialect, Any]] = {}


def share() -> None:
    """Engines on databases that are alike compile together.

    What is compiled belongs to the dialect of its engine, and a test has a database of its own, with an engine or two.
    """
    if not event.contains(Engine, "engine_connect", _shared):
        event.listen(Engine, "engine_connect", _shared)


def _shared(connection: Connection) -> None:
    engine = connection.engine
    known = {name: value for name, value in vars(engine.dialect).items() if isinstance(value, PLAIN)}
    alike = type(engine.dialect), tuple(sorted(known.items(), key=lambda item: item[0]))
    dialect, compiled = _first.setdefault(alike, (engine.dialect, LRUCache[Any, Any](MOST)))
    engine.dialect = connection.dialect = dialect
    engine._compiled_cache = compiled
