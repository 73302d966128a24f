"""What the database hands over of a rule with very many bad rows: a sample, a sketch, and counts by place.

One statement, so that an expensive question is asked once. Its three parts have the columns of all three.
"""

from __future__ import annotations

from enum import IntEnum
from itertools import combinations
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Numeric,
    Select,
    Text,
    cast,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import BIT, array

from checks.engine.bad_rows import BadRows
from checks.engine.keys import fingerprint_of
from checks.engine.session import asking
from checks.engine.sketch import CHECK_BITS, CUTS, RANGES

SAMPLE = 100


class Part(IntEnum):
    """Which part of the summary a row belongs to."""

    PLACES = 1
    SAMPLE = 2
    SKETCH = 3


def summary(rule: str, rows: BadRows) -> Select[Any]:
    """Rows of (part, key, range or mask, count, sum of fingerprints, sum of checksums, value of each dimension)."""
    marked = rows.statement().add_columns(fingerprint_of(rule, rows.key).label("fingerprint"))
    bad = marked.cte("bad").prefix_with("MATERIALIZED")
    dimensions: list[ColumnElement[Any]] = [bad.c[f"d{number}"] for number in range(len(rows.reached))]
    # the places first: the NULLs of the other parts take the types of their dimensions
    parts = [*([_places(bad, dimensions)] if dimensions else []), _sample(bad, dimensions), _sketch(bad, dimensions)]
    whole = union_all(*parts).subquery("summary")
    return asking(*whole.c)


def _places(bad: CTE, dimensions: list[ColumnElement[Any]]) -> Select[Any]:
    sets = [*((column,) for column in dimensions), *combinations(dimensions, 2)]
    grouped = func.grouping_sets(*(tuple_(*columns) for columns in sets))
    mask = cast(func.grouping(*dimensions), BigInteger)
    columns = _columns(Part.PLACES, number=mask, count=func.count())
    return select(*columns, *dimensions).select_from(bad).group_by(grouped)


def _sample(bad: CTE, dimensions: list[ColumnElement[Any]]) -> Select[Any]:
    # the smallest fingerprints: a sample by chance, and the same rows as long as they are bad
    columns = _columns(Part.SAMPLE, key=bad.c.key)
    # no subquery around it: that would make texts of the NULLs
    return select(*columns, *_nothing(dimensions)).order_by(bad.c.fingerprint).limit(SAMPLE)


def _sketch(bad: CTE, dimensions: list[ColumnElement[Any]]) -> Select[Any]:
    key = bad.c.fingerprint
    check = cast(cast(func.concat("x", func.substr(func.md5(cast(key, Text)), 1, 8)), BIT(CHECK_BITS)), BigInteger)
    cells = array([_range(key, number, shift) for number, shift in enumerate(CUTS)])
    spread = select(key.label("key"), check.label("checksum"), func.unnest(cells).label("cell")).subquery()
    sums = func.sum(spread.c.key), func.sum(spread.c.checksum)
    columns = _columns(Part.SKETCH, number=spread.c.cell, count=func.count(), keys=sums[0], checks=sums[1])
    return select(*columns, *_nothing(dimensions)).group_by(spread.c.cell)


def _columns(part: Part, **given: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    types: dict[str, Any] = {"key": Text, "number": BigInteger, "count": BigInteger, "keys": Numeric, "checks": Numeric}
    named = [cast(given.get(name, null()), kind).label(f"s_{name}") for name, kind in types.items()]
    return [literal(int(part), Integer).label("part"), *named]


def _nothing(dimensions: list[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [null().label(f"d{number}") for number in range(len(dimensions))]


def _range(key: ColumnElement[int], number: int, shift: int) -> ColumnElement[int]:
    # PostgreSQL shifts a bigint by an integer, not by another bigint
    return key.bitwise_rshift(literal(shift, Integer)).bitwise_and(RANGES - 1) + number * RANGES
