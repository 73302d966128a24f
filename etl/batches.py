"""Long streams in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last one shorter; `itertools.batched` of Python 3.12."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch
