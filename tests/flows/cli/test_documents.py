"""What commands print as JSON keeps to the published schemas: nothing is missing, and no name stands in none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

import checks
import flows
from checks.review.section import all_sections
from checks.review.values import PeriodKind
from etl.importing import Outcome
from tests.checks.review.seasons import NOW
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.conftest import FEW, Run, know_only

FOLDERS = [Path(package.__file__ or "").parent / "schemas" for package in (checks, flows)]
SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
    for folder in FOLDERS for path in folder.glob("*.schema.json")
}  # fmt: skip
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
TEAMS = ("Birchwood - 11", "Tennaqua - 11")
UNTIL = ("--until", NOW.date())

FORMATS = FormatChecker(["date", "uuid"])
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or RFC_3339.fullmatch(value) is not None)


def keeps_to(name: str, document: Any) -> Any:
    """The document, which must keep to a schema that allows no name that it does not describe."""
    Draft202012Validator(_closed(SCHEMAS[name]), format_checker=FORMATS).validate(document)
    return document


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {"additionalProperties": False} if "properties" in schema and "additionalProperties" not in schema else {}
    return {name: _closed(part) for name, part in schema.items()} | shut


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_what_two_schemas_define_they_define_alike() -> None:
    """A result is a result, in a check, in the history and in a report."""
    definitions: dict[str, list[Any]] = {}
    for name, schema in SCHEMAS.items():
        for key, definition in schema.get("$defs", {}).items():
            if name != "import":  # it was published first, and only ever grows
                definitions.setdefault(key, []).append(definition)

    assert [key for key, alike in definitions.items() if any(one != alike[0] for one in alike)] == []


def test_an_infinite_number_and_a_moment_with_a_space_are_refused() -> None:
    wrong = (
        {"sealed": 1, "unsealed": 0, "head": "", "broken": [], "new": 1},
        [{"run": "x", "at": "2025-06-30 06:00:00"}],
    )

    for document in wrong:
        assert not Draft202012Validator(_closed(SCHEMAS["history"]), format_checker=FORMATS).is_valid(document)


@pytest.mark.usefixtures("sixty_nights")
@pytest.mark.parametrize("kind", PeriodKind)
def test_reports(run: Run, kind: PeriodKind) -> None:
    told = keeps_to("report", run("report", kind, *UNTIL, "--json", "-").json())

    empty = set() if kind.includes(PeriodKind.QUARTERLY) else {"risks"}
    assert {section.key for section in all_sections() if told[section.key] is None} == empty
    assert isinstance(told["run"]["score"], float)


def test_a_report_of_nothing(run: Run) -> None:
    assert keeps_to("report", run("report", "quarterly", "--json", "-").json())["run"] is None


@pytest.mark.usefixtures("sixty_nights")
def test_history_incidents_and_backtest(run: Run) -> None:
    runs = keeps_to("history", run("history", "--json").json())
    results = keeps_to("history", run("history", "match_without_teams", "--json").json())
    keeps_to("history", run("history", "verify", "--json").json())
    tried = keeps_to("backtest", run("backtest", "match_without_teams", "--warn", "0.7%", "--json").json())
    listed = keeps_to("incidents", run("incidents", "list", "--resolved", 9999, "--json").json())
    shown = keeps_to("incidents", run("incidents", "show", listed[0]["id"], "--json").json())

    assert [len(one) for one in (runs, results, tried["nights"])] == [20, 20, 59]
    assert tried["nights"][-1]["count"] == results[0]["count"]
    assert (shown["title"], shown["parameter"]) == (listed[0]["title"], None)


def test_a_check_and_what_it_leaves(run: Run, tmp_path: Path) -> None:
    """The same result, word for word, in the check, in the history and in the report, but for what is not stored."""
    know_only(tmp_path, *FEW, "failed_import", "rows_of_table", "standings_of_league")
    run("import", write(tmp_path, "series_stats", [standing(name) for name in TEAMS]))
    run("import", write(tmp_path, "schedules", [fixture(*TEAMS), {"date": "soon"}]))

    checked = keeps_to("check", run("check", "--json", "-").json())
    stored = keeps_to("history", run("history", "missing_constraint", "--json").json())[0]
    kept = keeps_to("history", run("history", "--json").json())[0]
    reported = keeps_to("report", run("report", "weekly", "--json", "-").json())
    incidents = keeps_to("incidents", run("incidents", "list", "--json").json())

    (result,) = (one for one in checked["results"] if one["rule"] == "missing_constraint")
    assert {name for name in result if stored[name] != result[name]} <= NOT_STORED
    assert {name: kept[name] for name in ("run", "score", "band", "domains", "parts")} == {
        name: checked[name] for name in ("run", "score", "band", "domains", "parts")
    }
    assert reported["run"]["run"] == checked["run"]
    assert [one["rule"] for one in incidents] == ["failed_import"]
    assert [(one["rule"], one["points"]) for one in incidents] == [
        (one["rule"], one["points"]) for one in checked["results"] if one["status"] in {"WARN", "CRITICAL", "ERROR"}
    ]


NOT_STORED = {"summary", "owner", "runbook", "tags", "source", "changed", "fixable", "on_target", "unit", "measurement"}
"""What is the rule's, and is read of the rule."""


def test_imports(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    write(folder, "series_stats", [standing(name) for name in TEAMS])
    write(folder, "schedules", [fixture(*TEAMS), {"date": "soon"}])
    write(folder, "players", []).write_text("no json")
    made = run("import", folder, "--json", "-").json()

    listed = keeps_to("imports", run("imports", "--json").json())

    assert {(one["run"], one["kind"], one["outcome"]) for one in listed} == {
        (made["run"], feed["kind"], feed["outcome"]) for feed in made["feeds"]
    }


def test_every_outcome_of_an_import_is_in_the_schema() -> None:
    assert set(SCHEMAS["imports"]["$defs"]["outcome"]["enum"]) == set(Outcome)


def test_the_documents_name_every_schema() -> None:
    page = (Path(checks.__file__).parents[1] / "docs" / "REPORTS.md").read_text(encoding="utf-8")

    assert [name for name in SCHEMAS if f"{name}.schema.json" not in page] == []


def test_a_moment_has_one_kind_of_name() -> None:
    """A moment is `at`, or what happened then: `opened_at`."""
    moments = {"at", "since", "until", "on", "earliest", "latest", "started", "finished"}
    named = {
        name for schema in SCHEMAS.values() for name, part in _properties(schema)
        if part.get("format") == "date-time" or part.get("$ref", "").startswith("#/$defs/moment")
    }  # fmt: skip

    assert {name for name in named - moments if not name.endswith("_at")} == set()


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
    for part in parts:
        yield from _properties(part)
