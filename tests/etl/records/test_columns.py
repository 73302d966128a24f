"""Columns: many values checked together, as each would be alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from etl.records import validate
from etl.records.fields import Day, Number, Text
from etl.records.validate import ColumnChecks

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers())


@given(st.lists(st.lists(VALUES, min_size=1, max_size=6), max_size=4))
def test_values_come_out_as_each_would_alone(batches: list[list[object]]) -> None:
    alone, together = TypeAdapter(Number), ColumnChecks([TypeAdapter(list[Number])])

    for batch in batches:
        try:
            expected = [[alone.validate_python(value) for value in batch]]
        except ValidationError:
            expected = None
        assert together.check([batch]) == expected


def test_true_is_not_taken_for_one() -> None:
    numbers = ColumnChecks([TypeAdapter(list[Number])])

    assert numbers.check([[1, "1"]]) is not None
    assert numbers.check([[1, True]]) is None


def test_columns_keep_their_order() -> None:
    both = ColumnChecks([TypeAdapter(list[Text]), TypeAdapter(list[Number])])

    assert both.check([["a", "b", "a"], ["1", None, "2"]]) == [["a", "b", "a"], [1, None, 2]]


def test_a_column_forgets_before_it_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "_LIMIT", 2)
    texts = ColumnChecks([TypeAdapter(list[Text])])

    for batch in (["a", "b"], ["b", "c"], ["a", "c", "d"]):
        assert texts.check([batch]) == [batch]


def test_a_refused_text_stays_refused() -> None:
    days = ColumnChecks([TypeAdapter(list[Day])])

    assert [days.check([["yesterday"]]) for _ in range(2)] == [None, None]
