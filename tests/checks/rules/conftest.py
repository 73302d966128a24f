"""Writes the rows of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from sqlalchemy import Connection, func, insert, select

from tests.checks.rules.entries import Entry

Write = Callable[[Iterable[Entry]], None]


@pytest.fixture
def write(loose: Connection) -> Write:
    """Writes entries in the order given; rows that are given no id are numbered by it, so that keys are the same."""

    def write(entries: Iterable[Entry]) -> None:
        for entry in entries:
            loose.execute(insert(entry.table).values({**next_id(entry), **entry.values}))

    return write


def next_id(entry: Entry) -> dict[str, object]:
    """The id behind the last one, of tables that have ids."""
    last = entry.table.c.get("id")
    return {} if last is None else {"id": select(func.coalesce(func.max(last), 0) + 1).scalar_subquery()}
