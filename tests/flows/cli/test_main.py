"""The command line as a whole: help, settings, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flows.cli.main import COMMANDS, hoisted, load_command
from flows.cli.shared import Exit
from tests.flows.conftest import Run
from tests.forks import Ended, Running


def commands() -> list[tuple[str, ...]]:
    """Every command and subcommand."""
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        children = getattr(load_command(name), "commands", None)
        found += [(name, child) for child in children] if children else [(name,)]
    return found


def rally(*arguments: str, **environment: str) -> Ended:
    """Run `rally-health` in a process of its own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("RALLY_", "DATABASE_"))}
    return Running(arguments, clean | environment, Path.cwd(), apart=True).end()


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...], run: Run) -> None:
    ran = run(*command, "--help")

    assert ran.code == Exit.OK
    assert "rally-health" in ran.out.split("Usage:")[1].split("\n", 1)[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    own = " ".join((load_command(name).help or "").split())

    assert own.startswith(COMMANDS[name].help.removesuffix("."))


def test_an_unknown_command_is_wrong_usage() -> None:
    assert rally("chek").code == Exit.USAGE


def test_a_setting_that_cannot_be_used_is_named() -> None:
    ended = rally("rules", "list", RALLY_STATEMENT_TIMEOUT="soon")

    assert ended.code == Exit.USAGE
    assert "RALLY_STATEMENT_TIMEOUT" in ended.err


def test_a_database_that_is_away_is_trouble_of_the_infrastructure() -> None:
    ended = rally("check", DATABASE_URL="postgresql://rally:secret@127.0.0.1:1/rally")

    assert ended.code == Exit.INFRASTRUCTURE
    assert "127.0.0.1:1" in ended.err
    assert "secret" not in ended.err + ended.out


def test_a_malformed_url_does_not_show_its_password() -> None:
    ended = rally("check", DATABASE_URL="postgres//rally:secret@db/rally")

    assert ended.code == Exit.USAGE
    assert "secret" not in ended.err + ended.out


def test_a_database_that_was_not_migrated_says_what_to_do(empty_database: Engine) -> None:
    ended = rally("check", DATABASE_URL=empty_database.url.render_as_string(hide_password=False))

    assert ended.code == Exit.USAGE
    assert "run `rally-health init`" in ended.err


def test_init_migrates_an_empty_database(empty_database: Engine) -> None:
    url = empty_database.url.render_as_string(hide_password=False)

    assert rally("init", DATABASE_URL=url).code == Exit.OK
    assert rally("imports", DATABASE_URL=url).code == Exit.OK


def test_the_command_line_does_not_import_prefect_for_help() -> None:
    code = "import sys, flows.cli; sys.exit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_check_leaves_a_json_report(run: Run, tmp_path: Path) -> None:
    run("check", "--name", "twin_team")

    assert len(list((tmp_path / "logs").glob("monitoring_report_*.json"))) == 1


def test_the_version_is_that_of_the_package() -> None:
    ended = rally("--version")

    assert (ended.code, ended.out) == (Exit.OK, f"rally-health {version('rally-data-health')}\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["check", "--database", "URL", "--name", "x"], ["--database", "URL", "check", "--name", "x"]),
        (["check", "--database=URL"], ["--database=URL", "check"]),
        (["--database", "URL", "check"], ["--database", "URL", "check"]),
        (["check", "--database"], ["--database", "check"]),
        (["rejects", "show", "--", "--database"], ["rejects", "show", "--", "--database"]),
    ],
)
def test_the_database_may_be_named_behind_the_command(typed: list[str], meant: list[str]) -> None:
    assert hoisted(typed) == meant


def test_a_database_behind_the_command_is_the_one_that_is_used(database: Engine) -> None:
    url = database.url.render_as_string(hide_password=False)

    assert rally("history", "--database", url).out == "Nothing has run yet. Next: rally-health check\n"


def test_an_unknown_rule_shows_the_nearest_and_not_all(run: Run) -> None:
    ran = run("check", "--name", "match_without_team")

    assert ran.code == Exit.USAGE
    assert "did you mean match_without_teams, " in ran.out
    assert ran.out.count(",") <= 4
