"""Every command of the documents runs, and says what they show; the database is the demo's."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.embedded import host_for, running
from tests.conftest import once
from tests.docs.consoles import commands, is_shown
from tests.forks import Running
from tests.platform.servers import QUICK

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FEEDS = "../shared/feeds"
DEMO, OWN = ".rally/demo", ".rally"
"""The homes of the demo's database, and of that of who has none."""


@pytest.fixture(scope="session")
def played(run_folder: Path) -> Path:
    """A demo that was played to its end, with what it printed, and the empty database of who has none."""
    return once(run_folder / "played", _play)


def _play(folder: Path) -> None:
    """Play the demo in a folder of this folder; the data of its servers lies beside it."""
    place = folder / "place"
    place.mkdir(parents=True)
    with running(place / DEMO, **QUICK), running(place / OWN, **QUICK):
        ended = Running(("demo",), _environment(), place).end()
    assert ended.code == 0, ended
    (folder / "printed").write_text(ended.out)
    for home in (DEMO, OWN):
        data = place / home / "postgres"
        subprocess.run(["mv", data.resolve(), folder / _data(home)], check=True)
        if data.is_symlink():  # root's servers live elsewhere
            shutil.rmtree(data.readlink().parent)
            data.unlink()


@pytest.fixture
def place(played: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it that is the document's own; its servers run on between the commands."""
    _copy(played / "place", tmp_path)
    for home in (DEMO, OWN):
        _copy(played / _data(home), host_for(tmp_path / home).data)
    with running(tmp_path / DEMO, **QUICK), running(tmp_path / OWN, **QUICK):
        yield tmp_path


@pytest.mark.parametrize(
    "document", [one for one in DOCUMENTS if one.is_file() and commands(one)], ids=lambda one: one.name
)
def test_every_command_does_what_the_document_says(document: Path, played: Path, place: Path) -> None:
    environment = _environment()
    for number, command in enumerate(commands(document)):
        where = f"{document.name}:{command.line}: {command}"
        if any(FEEDS in word for word in command.words) and not (ROOT / FEEDS).is_dir():
            pytest.skip(f"{where} needs the real feeds")
        if command.words[0] == "export":
            environment |= dict(word.split("=", 1) for word in command.words[1:])
            continue
        words = [word.replace(FEEDS, str(ROOT / FEEDS)) for word in command.words[1:]]
        assert command.words[0] == "rally-health", f"{where} is no command of ours"
        if words == ["demo"] and number == 0:  # it was played in a place where nothing had been done
            code, output = 0, (played / "printed").read_text()
        else:
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


def _data(home: str) -> str:
    return f"data of {home.replace('/', ' ')}"


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
