"""The document of `import --json` keeps to its published schema."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

import flows
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.conftest import Run

SCHEMA = json.loads((Path(flows.__file__).parent / "schemas" / "import.schema.json").read_text())
TEAMS = ("Birchwood - 11", "Tennaqua - 11")


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_published_blocked_and_failed_feeds_keep_to_it(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    write(folder, "series_stats", [standing(name) for name in TEAMS])
    write(folder, "schedules", [fixture(*TEAMS), {"date": "soon"}])
    write(folder, "players", []).write_text("no json")

    document = run("import", folder, "--json", "-").json()

    Draft202012Validator(SCHEMA).validate(document)
    assert {feed["outcome"] for feed in document["feeds"]} == {"published", "blocked", "failed"}


def test_an_unchanged_feed_keeps_to_it(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    run("import", path)

    Draft202012Validator(SCHEMA).validate(run("import", path, "--json", "-").json())
