"""A command imports what it uses, when it runs: modules are counted, for they are what a start costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine

from checks.ready.overrides import RuleOverride
from etl.importing.declared import Correction, Limits, Seasons
from etl.words import field_docstrings
from flows.settings import Settings

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
WORKS = {"checks.engine.run", "checks.repairs.plan", "etl.kinds", "flows.service.health_check", "flows.service.repair"}
"""What measures, imports and repairs, which nothing that reads a few rows imports."""
HEAVY = SENDS | DRAWS | DOORS | {"pandas", "numpy", "ftfy", "alembic", "prefect", "httpx"}

also = partial(pytest.param, marks=pytest.mark.slow)
"""Another command in a process of its own, by `make slow`."""


def modules_of(*arguments: str, url: str = "") -> set[str]:
    """All modules that a command has imported when it ends."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RALLY_", "PREFECT_"))}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment | {"DATABASE_URL": url}, check=False
    )
    assert ended.stderr, ended
    return set(json.loads(ended.stderr.splitlines()[-1]))


END = """
import atexit, sys, threading

class Kept:
    def __del__(self):
        print("taken apart", file=sys.stderr)

def other():
    threading.main_thread().join()
    print("a thread", file=sys.stderr)

kept = Kept()
threading.Thread(target=other).start()
atexit.register(print, "put off", file=sys.stderr)
from flows.cli import main
main()
"""


@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("--nonsense", 2)])
def test_a_process_ends_without_taking_python_apart_and_forgets_nothing_else(argument: str, code: int) -> None:
    """Of a check of the season that took 0.4 of 2.4 s."""
    ended = subprocess.run([sys.executable, "-c", END, argument], capture_output=True, text=True, check=False)

    assert ended.returncode == code
    assert ended.stdout.startswith("rally-health") == (not code)
    assert ended.stderr.splitlines()[-2:] == ["a thread", "put off"]


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
        (("etl", "status"), 690), (("alerts", "outbox"), 740), also(("imports",), 720), also(("rejects", "list"), 720),
        also(("names", "aliases"), 690), also(("history",), 720), also(("incidents", "list"), 710),
        also(("fix", "history"), 690), also(("snapshot", "list"), 690), also(("feedback", "list"), 710),
        also(("waive",), 710),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_command_that_reads_a_few_rows_imports_no_heavy_library(
    arguments: tuple[str, ...], most: int, database: Engine
) -> None:
    modules = modules_of(*arguments, url=database.url.render_as_string(hide_password=False))

    assert modules & (HEAVY | WORKS) == set()
    assert len(modules) <= most


@pytest.mark.parametrize("arguments", [("rules", "list"), ("config", "show")], ids=" ".join)
def test_a_command_about_rules_imports_the_rules_and_not_what_runs_them(
    arguments: tuple[str, ...], database: Engine
) -> None:
    modules = modules_of(*arguments, url=database.url.render_as_string(hide_password=False))

    # a rule's fix knows how repairs and imports are made
    assert modules & {*HEAVY, "flows.service.health_check", "flows.service.repair"} == set()
    assert "checks.rules.schedule" in modules
    assert len(modules) <= 820


@pytest.mark.parametrize("model", [Settings, Limits, Seasons, Correction, RuleOverride])
def test_what_stands_below_a_field_is_read_for_a_document_alone(model: type[BaseModel]) -> None:
    """Pydantic read the sources of the settings whenever they were made: a tenth of what a command costs."""
    assert {field.description for field in model.model_fields.values()} == {None}
    said = field_docstrings(model)
    assert {name for name, field in model.model_fields.items() if not field.exclude} <= said.keys()


def test_modules_are_not_looked_through_for_garbage(database: Engine) -> None:
    """They live as long as the process; looking through them was a seventh of what a command costs."""
    frozen = SCRIPT.replace("sorted(sys.modules)", "__import__('gc').get_freeze_count()")
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", frozen, "etl", "status"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"DATABASE_URL": url}, check=True)

    assert int(ended.stderr.splitlines()[-1]) > 100_000


def test_a_check_imports_what_measures_and_shows_and_no_more(database: Engine) -> None:
    modules = modules_of("check", url=database.url.render_as_string(hide_password=False))

    # the page of the run is written by jinja2
    assert modules & HEAVY <= {"jinja2"}
    assert modules & {"etl.kinds", "etl.feeds", "etl.importing.link", "rapidfuzz"} == set()
    assert len(modules) <= 830


@pytest.mark.slow
def test_an_import_imports_what_publishes_and_neither_what_checks_nor_what_repairs(
    database: Engine, tmp_path: Path
) -> None:
    """Most imports end without a repair, a stop or a check; these were a fifth of what a small one costs."""
    path = tmp_path / "NSTF" / "schedules.json"
    path.parent.mkdir()
    row = {"date": "06/05/2025", "time": "06:30 pm", "home_team": "Glencoe S1", "away_team": "", "location": "Glencoe"}
    path.write_text(
        json.dumps([row | {"Practice": "Glencoe", "Series": "Series 1", "home_team": "", "League": "NSTF"}])
    )
    modules = modules_of("import", str(path), url=database.url.render_as_string(hide_password=False))

    assert "etl.importing.publish_parts" in modules
    assert modules & {*HEAVY, "flows.service.health_check", "flows.service.repair"} == set()
    assert len(modules) <= 860
