"""Writes the rows of a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import pytest
from sqlalchemy import Connection, Table, func, select

from tests.checks.rules.entries import Entry, insert_all

Write = Callable[[Iterable[Entry]], None]


@pytest.fixture
def write(loose: Connection) -> Write:
    """Writes entries in the order given; rows that are given no id are numbered by it, so that keys are the same."""

    def write(entries: Iterable[Entry]) -> None:
        insert_all(loose, numbered(loose, entries))

    return write


def numbered(connection: Connection, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Entries whose rows have the id behind the last one, where their tables have ids and they have none."""
    last: defaultdict[Table, int] = defaultdict(int)
    asked: set[Table] = set()
    for entry in entries:
        id_ = entry.values.get("id")
        if "id" in entry.table.c and "id" not in entry.values:
            if entry.table not in asked:
                asked.add(entry.table)
                there = connection.scalar(select(func.coalesce(func.max(entry.table.c.id), 0)))
                last[entry.table] = max(last[entry.table], there or 0)
            id_ = last[entry.table] + 1
        if isinstance(id_, int):
            last[entry.table] = max(last[entry.table], id_)
        yield entry if id_ is None else Entry(entry.table, {**entry.values, "id": id_})
