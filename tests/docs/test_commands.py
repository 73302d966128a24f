"""Whatever a document or the program itself calls a command is one, with the options that stand behind it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli.main import COMMANDS, app, load_command

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "checks" / "runbooks.md"]
PLACES = [*DOCUMENTS, *sorted((ROOT / "deploy").iterdir()), ROOT / "Dockerfile", ROOT / "Makefile"]
SOURCES = sorted(path for layer in ("flows", "alerts", "checks", "etl") for path in (ROOT / layer).rglob("*.py"))
SESSION = re.compile(r"""['"]rally-health [a-z ]+['"]""")
EVERYWHERE = {"--help", "--database"}
NAMED = re.compile(r"rally-health((?: +[^\s`'\"|;()<>\[\]{}]+)+)")
BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")


@cache
def command_of(name: str) -> Any:
    return load_command(name)


def mentions(text: str) -> Iterator[list[str]]:
    """The words behind each `rally-health` of a text, up to where the command ends."""
    for words in NAMED.findall(text):
        yield [word.rstrip(".,:") for word in words.split()]


def mistake(words: list[str]) -> str:
    """What no such command knows of some words; empty where all is well."""
    group = get_command(app)
    while words and words[0].startswith("-"):
        if words[0].split("=")[0] not in {option for param in group.params for option in param.opts} | {"--help"}:
            return f"{words[0]} is no option"
        words = words[2:] if words[0] in {"--database", "--log-level"} else words[1:]
    if not words or not re.fullmatch(r"[a-z]+", words[0]):
        return ""
    if words[0] not in COMMANDS:
        return f"{words[0]} is no command"
    command, rest = command_of(words[0]), words[1:]
    members = getattr(command, "commands", None)  # of a group
    if members and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        if rest[0] not in members:
            return f"{words[0]} {rest[0]} is no command"
        command, rest = members[rest[0]], rest[1:]
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | EVERYWHERE
    wrong = [word for word in rest if re.match(r"--[a-z]", word) and word.split("=")[0] not in known]
    return f"{command.name} does not know {', '.join(wrong)}" if wrong else ""


@pytest.mark.parametrize("path", PLACES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_no_command_that_does_not_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = "\n".join(
            [*BLOCK.findall(text), *(" ".join(span.split()) for span in SPAN.findall(BLOCK.sub("", text)))]
        )

    assert [f"{' '.join(words)}: {wrong}" for words in mentions(text) if (wrong := mistake(words))] == []


def test_the_program_itself_names_none_either() -> None:
    """Advice such as "Next: rally-health check", wherever it stands; a text of these words alone may name a session."""
    found = [
        f"{path.relative_to(ROOT)}: {' '.join(words)}: {wrong}"
        for path in SOURCES
        for words in mentions(SESSION.sub("", path.read_text(encoding="utf-8")))
        if (wrong := mistake(words))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("doctors", "doctors is no command"), ("rejects dissolve 3", "rejects dissolve is no command"),
        ("check --nome x", "check does not know --nome"), ("--databse x check", "--databse is no option"),
        ("check --name x --detailed", ""), ("fix plan RULE", ""), ("--database URL imports held", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_command_that_does_not_exist_would_be_found(line: str, wrong: str) -> None:
    assert mistake(shlex.split(line)) == wrong
