"""COPY: what is written is what PostgreSQL reads."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Date, Engine, Integer, MetaData, Numeric, Table, Text, Time, select

from etl.importing import copy_writer
from etl.importing.copy_writer import columns_of, copy_columns

TABLE = Table(
    "copied", MetaData(),
    Column("number", Integer), Column("text", Text), Column("day", Date), Column("clock", Time), Column("pti", Numeric),
    prefixes=["TEMPORARY"],
)  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
ROW = st.tuples(
    st.integers(-(2**31), 2**31 - 1),
    st.none() | TEXT | st.sampled_from(["\\N", "\\.", "\\", "\t", "\r\n", "a\\tb"]),
    st.none() | st.dates(),
    st.none() | st.times(),
    st.none() | st.decimals(-999, 999, places=2),
)


def named(row: tuple[Any, ...]) -> dict[str, Any]:
    """The row by its columns' names, in another order than the table's."""
    return dict(reversed([*zip(TABLE.columns.keys(), row, strict=True)]))


def there_and_back(engine: Engine, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        TABLE.create(connection)
        assert copy_columns(connection, TABLE, [columns_of(named(row) for row in rows)]) == len(rows)
        found = [tuple(row) for row in connection.execute(select(TABLE))]
        connection.rollback()
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=st.lists(ROW, max_size=20))
def test_any_row_comes_out_as_it_went_in(database: Engine, rows: list[tuple[Any, ...]]) -> None:
    assert there_and_back(database, rows) == rows


def test_equal_numbers_keep_their_own_digits(database: Engine) -> None:
    rows = [(1, None, None, None, Decimal(pti)) for pti in ("30.1", "30.10", "30.100")]

    assert [str(row[4]) for row in there_and_back(database, rows)] == ["30.1", "30.10", "30.100"]


def test_more_distinct_texts_than_are_remembered(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_writer, "_LIMIT", 3)
    rows = [(number, f"team {number % 7}", date(2024, 9, 1), time(18), None) for number in range(50)]

    assert there_and_back(database, rows) == rows
