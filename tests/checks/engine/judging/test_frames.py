"""Pandas rules: what SQL cannot say, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from checks import Severity, Status, above, frame_check, percent
from checks.engine.judging import alone
from checks.engine.judging.evidence import Evidence
from checks.engine.judging.findings import sketch_difference
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
    monkeypatch.setattr(alone, "CHUNK", 10)


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


def tallied(most: int) -> Evidence:
    """Seven bad rows of four keys at two places."""
    tally = alone.Tally("shouting", ("name", "place_id"), most)
    for name, place in (("A", 1), ("B", 1), ("A", 1), ("C", 2), ("D", 1), ("A", 1), ("D", 1)):
        tally.note(f'["{name}", {place}]', (("place", place), ("shelf", "a")))
    return tally.evidence()


def test_a_tally_lists_its_bad_rows_with_how_often_they_are() -> None:
    evidence = tallied(4)

    assert [(finding.key, finding.times) for finding in evidence.findings.listed] == [
        ({"name": "A", "place_id": 1}, 3), ({"name": "B", "place_id": 1}, 1), ({"name": "C", "place_id": 2}, 1),
        ({"name": "D", "place_id": 1}, 2),
    ]  # fmt: skip
    assert (evidence.findings.count, evidence.findings.complete) == (7, True)
    assert evidence.places == {
        (("place", 1),): 6, (("place", 2),): 1, (("shelf", "a"),): 7, (("place", 1), ("shelf", "a")): 6,
        (("place", 2), ("shelf", "a")): 1,
    }  # fmt: skip


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_a_tally_of_too_many_keys_is_a_sketch_of_all_and_a_sample_of_each_once(most: int) -> None:
    whole, folded = tallied(4), tallied(most)

    assert not folded.findings.complete
    assert (folded.findings.count, folded.places) == (7, whole.places)
    assert sketch_difference(folded.findings.sketched(), whole.findings.sketched()) == {}
    assert {finding.times for finding in folded.findings.listed} == {1}
    assert sorted(finding.key["name"] for finding in folded.findings.listed) == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda frame: [True], "the rule returned list; expected a boolean Series, true for a bad row"),
        (
            lambda frame: frame["size"],
            "the rule returned a Series of int64; expected a boolean Series, true for a bad row",
        ),
        (
            lambda frame: (frame["size"] > 1).iloc[1:],
            "the rule returned 1 answers for 2 rows or in another order; expected one for each row, with the index of"
            " the frame",
        ),
        (lambda frame: frame["nothing"], "the rule raised KeyError at test_frames.py:"),
    ],
)
def test_an_answer_that_is_none_is_told(run: Run, put: Put, answer: Callable[..., Any], told: str) -> None:
    def lame(frame: pd.DataFrame) -> Any:
        return answer(frame)

    put(thing("a", size=1), thing("b", size=2))

    found = run(frame_check(things, columns=["size"], severity=Severity.LOW, threshold=ROUTINE)(lame)).of("lame")

    assert (found.status, found.error.startswith(told)) == (Status.ERROR, True), found.error


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_rows_are_judged_in_chunks_and_each_once(
    run: Run, put: Put, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(alone, "CHUNK", chunk)
    put(thing("A", place_id=2), thing("b"), thing("C", place_id=2), thing("d"), thing("E", place_id=1, size=None))

    found = run(shouting, dimensions=(PLACE,)).of("shouting")

    assert (found.count, found.total, str(found.clusters[0])) == (3, 5, "2 of 3 in South")
    assert sorted(example["name"] for example in found.examples) == ["A", "C", "E"]
