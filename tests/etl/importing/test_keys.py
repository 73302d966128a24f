"""Keys: no key that came twice goes unseen."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.importing import staging
from etl.importing.copy_writer import Keys

ROW = st.tuples(st.integers(), st.sampled_from("ab"), st.none(), st.sampled_from([date(2024, 9, 1), date(2024, 9, 2)]))


@given(st.lists(st.lists(ROW, max_size=4), max_size=3))
def test_false_means_that_all_keys_differ(batches: list[list[tuple[object, ...]]]) -> None:
    keys = Keys(staging.fixtures, ("league", "match_date"))
    for batch in batches:
        keys.see(list(zip(*batch, strict=True)) or [()] * 4)

    seen = [row[1::2] for batch in batches for row in batch]
    assert keys.repeated() or len(set(seen)) == len(seen)


@pytest.mark.parametrize(("league", "repeated"), [("CITA", True), ("NSTF", False)])
def test_a_key_is_its_named_columns(league: str, repeated: bool) -> None:
    keys = Keys(staging.fixtures, ("league", "match_date"))
    keys.see([(1,), ("CITA",), (None,), (date(2024, 9, 1),)])
    keys.see([(2,), (league,), ("Chicago 11",), (date(2024, 9, 1),)])

    assert keys.repeated() is repeated
