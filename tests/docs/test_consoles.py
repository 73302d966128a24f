"""Every command of the documents runs, and says what they show; the database is the demo's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.embedded import host_for, running
from tests.docs.consoles import commands, is_shown
from tests.forks import Running
from tests.platform.servers import QUICK

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("rally-health")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FEEDS = "../shared/feeds"
HOMES = (".rally/demo", ".rally")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a demo that was played to its end, and with the empty database of who has none."""
    folder = tmp_path_factory.mktemp("played")
    subprocess.run([PROGRAM, "demo"], cwd=folder, env=_environment(), check=True, capture_output=True)
    with running(folder / ".rally", **QUICK):
        return folder


@pytest.fixture
def place(played: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it that is the document's own; its servers run on between the commands."""
    _copy(played, tmp_path)
    for home in HOMES:
        data = tmp_path / home / "postgres"
        if data.is_symlink():  # root's servers live elsewhere
            data.unlink()
            _copy(played / home / "postgres", host_for(tmp_path / home).data)
    with running(tmp_path / ".rally" / "demo", **QUICK), running(tmp_path / ".rally", **QUICK):
        yield tmp_path


@pytest.mark.parametrize(
    "document", [one for one in DOCUMENTS if one.is_file() and commands(one)], ids=lambda one: one.name
)
def test_every_command_does_what_the_document_says(document: Path, place: Path) -> None:
    environment = _environment()
    for command in commands(document):
        where = f"{document.name}:{command.line}: {command}"
        if any(FEEDS in word for word in command.words) and not (ROOT / FEEDS).is_dir():
            pytest.skip(f"{where} needs the real feeds")
        if command.words[0] == "export":
            environment |= dict(word.split("=", 1) for word in command.words[1:])
            continue
        words = [word.replace(FEEDS, str(ROOT / FEEDS)) for word in command.words[1:]]
        assert command.words[0] == "rally-health", f"{where} is no command of ours"
        code, output = _run(words, place, environment)
        assert code in command.codes, f"{where} ended with {code}:\n{output}"
        assert is_shown(command.shown, output), f"{where} says:\n{output}"


@pytest.mark.parametrize(
    ("shown", "output", "fits"),
    [
        ((), "anything\n", True),
        (("one",), "one\n", True),
        (("one",), "one\ntwo\n", False),
        (("one", "..."), "one\ntwo\nthree\n", True),
        (("...", "three"), "one\ntwo\nthree\n", True),
        (("plan ... of x",), "plan 7 of x\n", True),
        (("plan ... of x",), "plan 7 of y\n", False),
    ],
)
def test_dots_stand_for_anything(shown: tuple[str, ...], output: str, fits: bool) -> None:
    assert is_shown(shown, output) is fits


def _copy(folder: Path, target: Path) -> None:
    """Copy a folder with its owners."""
    subprocess.run(["cp", "-aT", folder.resolve(), target], check=True)


def _run(words: list[str], place: Path, environment: dict[str, str]) -> tuple[int, str]:
    ended = Running(tuple(words), environment, place).end(timeout=600)
    return ended.code, ended.out


def _environment() -> dict[str, str]:
    """A shell without settings of ours, wide enough that no line is wrapped."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("RALLY_", "PREFECT_", "DATABASE_"))
    }
    return own | {"COLUMNS": "400", "USER": "kim", "LOGNAME": "kim"}
