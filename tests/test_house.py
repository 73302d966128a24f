"""The house keeps to its figures, its names and its arrows, and the tests mirror it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house import PACKAGES, ROOT, Figure, House, imported_names, names_used_twice_in

FOR_PREFECT = ("prefect", "flows.bridge", "typer", "flows.cli")
FOR_PAGES = ("flows.web", "starlette", "uvicorn")


@pytest.fixture(scope="module")
def house() -> House:
    return House()


@pytest.mark.parametrize(
    "figure",
    [
        House.files_per_thousand_lines,
        House.cycles, House.single_importers, House.engine_files, House.engine_floors, House.long_files,
        House.median_function, House.long_functions, House.share_of_imports, House.long_lived_locals,
    ],
    ids=lambda figure: figure.__name__,
)  # fmt: skip
def test_a_figure_is_within_its_limit(house: House, figure: object) -> None:
    assert callable(figure)
    measured = figure(house)
    assert isinstance(measured, Figure)

    assert measured.value <= measured.limit, "\n".join([measured.name, *measured.made_of])


BODIES = {
    "found = 1\n    b = 2\n    c = 3\n    return found": 1,
    "found = 1\n    b = 2\n    return found": 0,
    "a = 1\n    b = 2\n    c = 3\n    return known": 1,
    '"""Says.\n\n    More.\n    """\n    return known': 0,
    "a = [known for known in range(3)]\n    b = 2\n    c = 3\n    return [known for known in range(4)]": 0,
}


@pytest.mark.parametrize(("body", "count"), BODIES.items(), ids=range(len(BODIES)))
def test_a_local_that_says_nothing_lives_for_three_lines(tmp_path: Path, body: str, count: int) -> None:
    (tmp_path / "etl").mkdir()
    (tmp_path / "etl" / "one.py").write_text(f"def f(known):\n    {body}\n")

    assert House(tmp_path).long_lived_locals().value == count


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_used_twice_in_a_package(house: House, package: str) -> None:
    assert names_used_twice_in(house, package) == []


def test_a_cycle_below_type_checking_counts(tmp_path: Path) -> None:
    (tmp_path / "etl").mkdir()
    (tmp_path / "etl" / "one.py").write_text("from etl import two\n")
    (tmp_path / "etl" / "two.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from etl.one import f\n"
    )

    assert House(tmp_path).cycles().made_of == ("etl.one <-> etl.two",)


@pytest.mark.parametrize("path", sorted((ROOT / "flows" / "web").rglob("*.py")), ids=lambda path: path.stem)
def test_a_page_knows_services_and_neither_prefect_nor_the_command_line(path: Path) -> None:
    names = [name for node in ast.walk(ast.parse(path.read_text())) for name in imported_names(node)]

    assert not [name for name in names if f"{name}.".startswith(tuple(f"{room}." for room in FOR_PREFECT))]


@pytest.mark.parametrize("path", sorted((ROOT / "flows" / "service").rglob("*.py")), ids=lambda path: path.stem)
def test_a_service_knows_neither_prefect_nor_the_command_line(path: Path) -> None:
    names = [name for node in ast.walk(ast.parse(path.read_text())) for name in imported_names(node)]

    above = (*FOR_PREFECT, *FOR_PAGES)
    assert not [name for name in names if f"{name}.".startswith(tuple(f"{room}." for room in above))]


def test_each_folder_of_tests_stands_for_a_room_of_the_house() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / "tests" / package).rglob("test_*.py")}

    strangers = [path for path in map(_source_of, folders) if not path.is_dir()]

    assert strangers == []


def test_each_room_of_the_house_has_its_tests() -> None:
    tested = {_source_of(path.parent) for path in (ROOT / "tests").rglob("test_*.py")}
    sources = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    rooms = {path.parent for path in sources if "migrations" not in path.parts}

    untested = [str(room.relative_to(ROOT)) for room in rooms if len([*room.glob("*.py")]) > 2 and room not in tested]

    assert untested == []


def _source_of(folder: Path) -> Path:
    return ROOT / folder.relative_to(ROOT / "tests")
