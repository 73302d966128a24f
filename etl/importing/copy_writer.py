"""Rows on their way into a table by COPY, in PostgreSQL's text format, and whether a key comes twice among them.

psycopg's own `write_row` looks at each value by itself; rows of a feed repeat the same names, dates and times, so here
each distinct one is written once per column and looked up from then on: a third of the time.

Keys are compared by their hashes, at eight bytes a row: grouping a million rows by four columns takes the database
seconds, and nearly every feed has no key twice. Equal keys have equal hashes; the rare other ones only cost a look in
the database.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Column, Connection, Integer, Numeric, Table

Columns = Mapping[str, Sequence[Any]]
"""Values of some rows by the name of their column."""
_LIMIT = 20_000
_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


class Texts(dict[Any, str]):
    """What the values of one column look like in COPY's text format; the last 20,000 distinct ones are remembered."""

    def __missing__(self, value: Any) -> str:
        if len(self) >= _LIMIT:
            self.clear()
        self[value] = text = text_of(value)
        return text

    def of(self, values: Sequence[Any]) -> Iterable[str]:
        """The texts of values, in their order."""
        return map(self.__getitem__, values)


def text_of(value: Any) -> str:
    r"""A text, number, date, time or None in COPY's text format: `\N` is NULL."""
    return _NULL if value is None else str(value).translate(_ESCAPES)


def _writer(column: Column[Any]) -> Callable[[Sequence[Any]], Iterable[str]]:
    # numbers hardly repeat, and equal ones can have several texts
    return _numbers if isinstance(column.type, Integer | Numeric) else Texts().of


def _numbers(values: Sequence[Any]) -> Iterable[str]:
    return map(text_of if None in values else str, values)


def copy_columns(connection: Connection, table: Table, batches: Iterable[Columns], *, keys: Keys | None = None) -> int:
    """COPY rows into a table, and let `keys` see theirs; returns how many.

    They come in batches, the values of each by their columns' names; a batch without rows has no columns.
    """
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    count, writers = 0, {column.name: _writer(column) for column in table.columns}
    names = sql.SQL(", ").join(map(sql.Identifier, writers))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with seldom_collecting(), driver.cursor() as cursor, cursor.copy(statement) as copy:
        for columns in filter(None, batches):
            texts = [write(columns[name]) for name, write in writers.items()]
            copy.write("\n".join(map("\t".join, zip(*texts, strict=True))) + "\n")
            count += len(next(iter(columns.values())))
            if keys:
                keys.see(columns)
    return count


def columns_of(rows: Iterable[Mapping[str, Any]]) -> Columns:
    """The values of rows by their columns' names; all rows have the same."""
    every = list(rows)
    return {name: [row[name] for row in every] for name in every[0]} if every else {}


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let the collector of cycles look seldom: rows hold no cycles, and looking for some takes a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


MOST_KEYS = 4_000_000
FEW_KEYS = 100_000
"""So many are compared by Python itself, in 10 MB: numpy takes longer to import."""


class Keys:
    """The hashes of the keys that were seen, 32 MB of them at most; `names` are the key's columns."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._hashes = array("q")

    def see(self, columns: Columns) -> None:
        """Take some rows into account, given column by column."""
        if len(self._hashes) < MOST_KEYS:
            self._hashes.extend(map(hash, zip(*(columns[name] for name in self._names), strict=True)))

    def repeated(self) -> bool:
        """Whether a key may have come twice; False is certain."""
        if len(self._hashes) >= MOST_KEYS:
            return True
        if len(self._hashes) <= FEW_KEYS:
            return len(set(self._hashes)) < len(self._hashes)
        import numpy as np  # noqa: PLC0415 - only large feeds need it

        hashes = np.frombuffer(self._hashes, dtype=np.int64)
        hashes.sort()  # in place: their order tells nothing
        return bool((hashes[1:] == hashes[:-1]).any())
