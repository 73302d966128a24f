"""Tests that share something stay in one process of `make slow`, and no others do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spread import piece, taking_turns

SHARED = '@pytest.fixture(scope="module")\ndef night() -> str: ...'


@pytest.mark.parametrize(
    ("text", "together"),
    [(SHARED, True), ("def test_one(prefect_api: str): ...", True), ("def test_one(tmp_path: Path): ...", False)],
    ids=["made once", "on the server of all", "nothing"],
)
def test_what_shares_something_is_one_piece(tmp_path: Path, text: str, together: bool) -> None:
    (tmp_path / "test_it.py").write_text(text)

    pieces = {piece(tmp_path, f"test_it.py::{name}") for name in ("test_one", "test_other[a::b]")}

    assert (len(pieces) == 1) is together


def test_files_go_first_and_tests_by_themselves_take_turns_with_those_of_other_files() -> None:
    pieces = ["a.py", "b.py::one", "b.py::two[x::y]", "c.py", "d.py::one", "b.py::three"]

    assert taking_turns(pieces) == ["a.py", "c.py", "b.py::one", "d.py::one", "b.py::two[x::y]", "b.py::three"]
