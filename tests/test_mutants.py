"""The list of changes that `make mutants` leaves out is about the code as it stands."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_equivalent_mutant_is_of_a_line_that_is_there_and_has_its_reason() -> None:
    listed = tomllib.loads((ROOT / "tests/equivalent_mutants.toml").read_text(encoding="utf-8")).get("mutant", [])

    lines = {entry["file"]: stripped(entry["file"]) for entry in listed}
    stale = [entry for entry in listed if entry["before"] not in lines[entry["file"]] or not entry["why"].strip()]

    assert stale == []
    assert len({(entry["file"], entry["before"], entry["after"]) for entry in listed}) == len(listed)


def stripped(file: str) -> str:
    """A file as its changed lines are listed: each without its indentation, on one line."""
    return " ".join(line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines())
