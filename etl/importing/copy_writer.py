"""Rows on their way into a table by COPY, in PostgreSQL's text format.

psycopg's own `write_row` looks at each value by itself; rows of a feed say the same names, dates and times again and
again, so here each distinct one is written once per column and looked up from then on: a third of the time.

Whether any two rows of a feed have the same key, at eight bytes a row.

Grouping a million rows by four columns takes the database seconds, and nearly every feed has no key twice. Equal keys
have equal hashes; the rare other ones only cost a look in the database.

Long streams in pieces.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import psycopg
from sqlalchemy import Column, Connection, Integer, Numeric, Table

Columns = Sequence[Sequence[Any]]
_BATCH = 1000
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
    """COPY rows, in the order of the table's columns, into it, and let `keys` see theirs; returns how many.

    They come in batches, column by column; a batch without rows has no columns.
    """
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    count, writers = 0, list(map(_writer, table.columns))
    with seldom_collecting(), driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
        for columns in filter(None, batches):
            texts = [write(values) for write, values in zip(writers, columns, strict=True)]
            copy.write("\n".join(map("\t".join, zip(*texts, strict=True))) + "\n")
            count += len(columns[0])
            if keys:
                keys.see(columns)
    return count


def columns_of(rows: Iterable[Sequence[Any]]) -> Iterator[Columns]:
    """Rows in batches, column by column."""
    return (list(zip(*batch, strict=True)) for batch in batched(rows, _BATCH))


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let the collector of cycles look seldom: rows hold no cycles, and looking for some takes a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Keys:
    """The hashes of the keys that were seen; `names` are the key's columns."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        order = [column.name for column in table.columns]
        self._places = [order.index(name) for name in names]
        self._hashes = array("q")

    def see(self, columns: Sequence[Sequence[Any]]) -> None:
        """Take some rows into account, given column by column."""
        self._hashes.extend(map(hash, zip(*(columns[place] for place in self._places), strict=True)))

    def repeated(self) -> bool:
        """Whether a key may have come twice; False is certain."""
        hashes = np.sort(np.frombuffer(self._hashes, dtype=np.int64))
        return bool((hashes[1:] == hashes[:-1]).any())


Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last one shorter; `itertools.batched` of Python 3.12."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch
