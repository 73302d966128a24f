"""A command imports what it uses, when it runs: modules are counted, for they are what a start costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import Engine

SCRIPT = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from flows.cli import main
main()
"""
SENDS = {"twilio", "requests", "apprise"}
DRAWS = {"matplotlib", "jinja2", "scipy"}
DOORS = {"opentelemetry.sdk", "openlineage", "open_data_contract_standard", "mcp"}
"""The libraries of doors for other tools, which nothing imports before a door is opened."""
HEAVY = SENDS | DRAWS | DOORS | {"pandas", "numpy", "ftfy", "alembic", "prefect", "httpx"}


def modules_of(*arguments: str, url: str = "") -> set[str]:
    """All modules that a command has imported when it ends."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RALLY_", "PREFECT_"))}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment | {"DATABASE_URL": url}, check=False
    )
    assert ended.stderr, ended
    return set(json.loads(ended.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ()], ids=["--help", "nothing"])
def test_the_overview_imports_typer_and_no_more(arguments: tuple[str, ...]) -> None:
    """Half of what it was: 0.1 s, where it took 1.8 s to import every command for its one line of help."""
    modules = modules_of(*arguments)

    assert {name for name in modules if name.partition(".")[0] in {"flows", "alerts", "checks", "etl"}} == {
        "flows", "flows.cli", "flows.cli.main", "flows.cli.process", "etl",
    }  # fmt: skip
    assert not modules & {*HEAVY, "sqlalchemy", "pydantic", "psycopg"}
    assert len(modules) <= 350


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        (("etl", "status"), 800), (("imports",), 900), (("rejects", "list"), 900), (("history",), 900),
        (("incidents", "list"), 900), (("fix", "history"), 900), (("alerts", "outbox"), 900),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_command_that_reads_a_few_rows_imports_no_heavy_library(
    arguments: tuple[str, ...], most: int, database: Engine
) -> None:
    modules = modules_of(*arguments, url=database.url.render_as_string(hide_password=False))

    assert modules & HEAVY == set()
    assert len(modules) <= most


def test_a_check_imports_what_measures_and_shows_and_no_more(database: Engine) -> None:
    modules = modules_of("check", url=database.url.render_as_string(hide_password=False))

    # the page of the run is written by jinja2
    assert modules & HEAVY <= {"jinja2"}
    assert len(modules) <= 1_000
