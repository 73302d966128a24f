"""Whether any two rows of a feed have the same key, at eight bytes a row.

Grouping a million rows by four columns takes the database seconds, and nearly every feed has no key twice. Equal keys
have equal hashes; the rare other ones only cost a look in the database.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Table


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
