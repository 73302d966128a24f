"""docs/ARCHITECTURE.md names files that exist, and its walks are those that the program takes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house import ROOT, House, defined_names

PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
WALKS = re.findall(r"^## Walk: `rally-health (\w+)`$", PAGE, re.MULTILINE)
MOST_FILES = 15
MOST_WORDS = 25


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def walk(command: str) -> list[tuple[str, str]]:
    """The files of a walk in their order, each with what is called there."""
    return re.findall(r"^\| `([\w/]+\.py)` \| `(\w+)` \|", section(f"Walk: `rally-health {command}`"), re.MULTILINE)


@pytest.fixture(scope="module")
def house() -> House:
    return House()


def module_of(house: House, path: str) -> str:
    return next(name for name, module in house.modules.items() if module.path == ROOT / path)


def registered(house: House, name: str) -> set[str]:
    """The modules of a package that loops over its folder; none for any other module."""
    loops = "iter_modules(__path__)" in house.modules[name].path.read_text()
    return {other for other in house.modules if loops and other.rpartition(".")[0] == name}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE))))
def test_what_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_there_is_a_walk_of_the_import_and_of_the_check() -> None:
    assert WALKS == ["import", "check"]


@pytest.mark.parametrize("command", WALKS)
def test_a_walk_is_short(command: str) -> None:
    assert 5 < len(walk(command)) <= MOST_FILES


@pytest.mark.parametrize("command", WALKS)
def test_each_file_of_a_walk_defines_what_is_called_there(command: str, house: House) -> None:
    for path, name in walk(command):
        tree = house.modules[module_of(house, path)].tree

        assert name in {defined for node in tree.body for defined in defined_names(node)}, f"{path} has no {name}"


@pytest.mark.parametrize("command", WALKS)
def test_each_file_of_a_walk_is_imported_by_one_before_it(command: str, house: House) -> None:
    names = [module_of(house, path) for path, _ in walk(command)]

    for place, name in enumerate(names[1:], start=1):
        reached = {one for before in names[:place] for one in house.imports[before] | registered(house, before)}
        assert name in reached, f"nothing before {name} imports it"


@pytest.mark.parametrize("command", WALKS)
def test_what_is_called_is_called_by_a_file_before_it(command: str, house: House) -> None:
    """By its name; what a registry holds is called through that."""
    steps = [(module_of(house, path), name) for path, name in walk(command)]

    for place, (module, name) in enumerate(steps[1:], start=1):
        before = [earlier for earlier, _ in steps[:place]]
        called = any(name in names_of(house.modules[earlier].tree) for earlier in before)
        assert called or any(module in registered(house, earlier) for earlier in before), f"nothing calls {name}"


def names_of(tree: ast.Module) -> set[str]:
    """Names and attributes that a module uses."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return used | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_the_glossary_is_short_enough_to_be_read() -> None:
    entries = re.findall(r"^\| ([\w, ]+) \|", section("Glossary"), re.MULTILINE)
    words = [word.strip() for entry in entries for word in entry.split(",")]

    assert 10 < len(words) - 1 <= MOST_WORDS  # the head of the table is none


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_the_readme_links_every_document(path: Path) -> None:
    assert f"](docs/{path.name})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_page_is_two_pages_long() -> None:
    assert len(PAGE.splitlines()) <= 140
