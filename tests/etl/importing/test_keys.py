"""Keys: no key that came twice goes unseen."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.importing import copy_writer
from etl.importing.copy_writer import Keys

NAMES = ("index", "league", "series", "match_date")
ROW = st.tuples(st.integers(), st.sampled_from("ab"), st.none(), st.sampled_from([date(2024, 9, 1), date(2024, 9, 2)]))


@given(st.lists(st.lists(ROW, max_size=4), max_size=3))
def test_false_means_that_all_keys_differ(batches: list[list[tuple[object, ...]]]) -> None:
    keys = Keys(("league", "match_date"))
    for batch in batches:
        keys.see({name: [row[place] for row in batch] for place, name in enumerate(NAMES)})

    seen = [row[1::2] for batch in batches for row in batch]
    assert keys.repeated() or len(set(seen)) == len(seen)


@pytest.mark.parametrize("few", [0, 2])
@pytest.mark.parametrize(("league", "repeated"), [("CITA", True), ("NSTF", False)])
def test_a_key_is_its_named_columns(league: str, repeated: bool, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether few keys are compared or, sorted, many."""
    monkeypatch.setattr(copy_writer, "FEW_KEYS", few)
    keys = Keys(("league", "match_date"))
    keys.see({"index": (1,), "league": ("CITA",), "series": (None,), "match_date": (date(2024, 9, 1),)})
    keys.see({"index": (2,), "match_date": (date(2024, 9, 1),), "league": (league,), "series": ("Chicago 11",)})

    assert keys.repeated() is repeated


def test_of_more_keys_than_are_remembered_any_may_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and the database looks for what is not known here."""
    monkeypatch.setattr(copy_writer, "MOST_KEYS", 4)
    keys = Keys(("match_date",))
    for day in range(1, 4):
        keys.see({"match_date": (date(2024, 9, day), date(2024, 10, day))})

    assert len(keys._hashes) == 4
    assert keys.repeated()
