"""Pandas rules: what SQL cannot say, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from checks import Severity, Status, above, frame_check, percent
from checks.engine.judging import frames
from tests.checks.engine.conftest import PLACE, Run, thing, things

Put = Callable[..., None]
ROUTINE = above(warn=percent(1), critical=percent(50))


@frame_check(things, columns=["name", "size"], severity=Severity.LOW, threshold=ROUTINE)
def shouting(frame: pd.DataFrame) -> pd.Series[bool]:
    """A name in capitals."""
    return frame["name"].str.isupper()


def test_a_pandas_rule_marks_its_bad_rows(run: Run, put: Put) -> None:
    put(thing("A", place_id=2), thing("b"), thing("c"))

    result = run(shouting, dimensions=(PLACE,)).of("shouting")

    assert (result.count, result.total, result.status) == (1, 3, Status.WARN)
    assert result.examples == ({"name": "A", "place_id": 2},)


def test_a_missing_answer_is_not_bad(run: Run, put: Put) -> None:
    @frame_check(things, columns=["size"], severity=Severity.LOW, threshold=ROUTINE)
    def unknown(frame: pd.DataFrame) -> pd.Series[bool]:
        return (frame["size"].astype("Int64") > 9).astype("boolean")

    put(thing("a", size=None), thing("b", size=10))

    assert run(unknown).of("unknown").count == 1


def test_a_pandas_rule_sees_its_columns_only_and_asks_for_more_by_name(run: Run, put: Put, tmp_path: Path) -> None:
    seen = tmp_path / "seen"  # the rule runs in a process of its own

    @frame_check(things, columns=["size", "shelf"], severity=Severity.LOW, threshold=ROUTINE)
    def looks(frame: pd.DataFrame, today: date) -> pd.Series[bool]:
        seen.write_text(" ".join(frame.columns))
        return frame["size"] > today.year

    put(thing("a"))
    run(looks)

    assert seen.read_text() == "size shelf"


def test_an_empty_table_is_nothing_to_measure(run: Run) -> None:
    assert run(shouting).of("shouting").status is Status.SKIPPED


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of ten rows."""
    monkeypatch.setattr(frames, "CHUNK", 10)


@pytest.mark.usefixtures("small_chunks")
def test_a_table_is_read_in_chunks(run: Run, put: Put, tmp_path: Path) -> None:
    sizes = tmp_path / "sizes"
    sizes.touch()

    @frame_check(things, columns=["size"], severity=Severity.LOW, threshold=ROUTINE)
    def counts(frame: pd.DataFrame) -> pd.Series[bool]:
        sizes.write_text(f"{sizes.read_text()} {len(frame)}")
        return frame["size"] > 20

    put(*(thing(f"t{number}", size=number) for number in range(25)))

    result = run(counts).of("counts")

    assert (sizes.read_text().split(), result.count, result.total) == (["10", "10", "5"], 4, 25)


@pytest.mark.usefixtures("small_chunks")
def test_very_many_bad_rows_are_kept_as_a_sketch_and_still_compared(run: Run, put: Put) -> None:
    put(*(thing(f"T{number}") for number in range(60)))
    before = run(shouting, listed=20)
    put(thing("NEW"))

    after = run(shouting, listed=20, baseline=before.as_baseline()).of("shouting")

    assert after.findings is not None
    assert not after.findings.complete
    assert (after.new, after.known, after.fixed, after.exact) == (1, 60, 0, True)
