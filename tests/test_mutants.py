"""The list of changes that `make mutants` leaves out is about the code as it stands."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def listed() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = tomllib.loads((ROOT / "tests/equivalent_mutants.toml").read_text(encoding="utf-8"))[
        "mutant"
    ]
    return entries


def test_every_equivalent_mutant_is_of_a_line_that_is_there_and_has_its_reason() -> None:
    stale = [entry for entry in listed() if entry["before"] not in stripped(entry) or not entry["why"].strip()]

    assert stale == []
    assert len({(entry["file"], entry["before"], entry["after"], entry.get("in")) for entry in listed()}) == len(
        listed()
    )


def test_an_equivalent_mutant_of_a_line_that_stands_twice_names_its_function() -> None:
    unclear = [entry for entry in listed() if stripped(entry).count(f" {entry['before']} ") > 1]

    assert unclear == []


def stripped(entry: dict[str, str]) -> str:
    """The file of an entry, or its function, as changed lines are listed: without indentation, on one line."""
    text = (ROOT / entry["file"]).read_text(encoding="utf-8")
    if "in" in entry:
        named = [node for node in ast.walk(ast.parse(text)) if getattr(node, "name", None) == entry["in"]]
        text = "\n".join(segment for node in named for segment in segments(text, node))
    return " ".join(line.strip() for line in f"\n{text}\n".splitlines())


def segments(text: str, node: ast.AST) -> list[str]:
    """A function or class with its decorators, as they stand in a file."""
    lines = text.splitlines()
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min(one.lineno for one in (node, *decorators) if isinstance(one, ast.stmt | ast.expr))
    # two blank lines before it belong to the change that leaves out a decorator
    return ["", "", *lines[first - 1 : getattr(node, "end_lineno", first)]]
