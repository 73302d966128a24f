"""Rows on their way into a table by COPY, in PostgreSQL's text format.

psycopg's own `write_row` looks at each value by itself; rows of a feed say the same names, dates and times again and
again, so here each distinct one is written once per column and looked up from then on: a third of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, time
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Connection, Table

from etl.importing.keys import Keys

_BATCH = 1000
_LIMIT = 20_000
_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_REPEATED = frozenset({str, date, time, type(None)})


class Texts(dict[Any, str]):
    """What the values of one column look like in COPY's text format; the last 20,000 distinct ones are remembered."""

    def __missing__(self, value: Any) -> str:
        if len(self) >= _LIMIT:
            self.clear()
        self[value] = text = text_of(value)
        return text

    def of(self, column: Sequence[Any]) -> Iterable[str]:
        """The texts of a column's values, in their order."""
        kinds = set(map(type, column))
        if kinds <= _REPEATED:
            return map(self.__getitem__, column)
        # numbers hardly repeat, and equal ones can have several texts
        return map(str if kinds == {int} else text_of, column)


def text_of(value: Any) -> str:
    r"""A text, number, date, time or None in COPY's text format: `\N` is NULL."""
    return _NULL if value is None else str(value).translate(_ESCAPES)


def copy_rows(connection: Connection, table: Table, rows: Iterable[Sequence[Any]], *, keys: Keys | None = None) -> int:
    """COPY rows, in the order of the table's columns, into it, and let `keys` see theirs; returns how many."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    stream, count = iter(rows), 0
    texts = [Texts() for _ in table.columns]
    with seldom_collecting(), driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
        while batch := list(islice(stream, _BATCH)):
            columns = list(zip(*batch, strict=True))
            lines = map("\t".join, zip(*map(Texts.of, texts, columns), strict=True))
            copy.write("".join([f"{line}\n" for line in lines]))
            count += len(batch)
            if keys:
                keys.see(columns)
    return count


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let the collector of cycles look seldom: rows hold no cycles, and looking for some takes a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
