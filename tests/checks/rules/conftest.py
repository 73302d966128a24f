"""Writes the rows of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from sqlalchemy import Connection, insert

from tests.checks.rules.entries import Entry

Write = Callable[[Iterable[Entry]], None]


@pytest.fixture
def write(loose: Connection) -> Write:
    """Writes entries, in the order given."""

    def write(entries: Iterable[Entry]) -> None:
        for entry in entries:
            loose.execute(insert(entry.table).values(entry.values))

    return write
