"""Each door with the protocol that it speaks: receivers of OTLP and OpenLineage, a schema, an MCP client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Engine

from etl.tables import schedule
from flows.doors import needing
from flows.settings import SettingsError
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.conftest import Run
from tests.flows.doors.receiver import Receiver, receiving

TEAMS = [f"Club {letter} - 11" for letter in "ABCD"]
SCHEMA = files("open_data_contract_standard") / "schema.json"
PROGRAM = str(Path(sys.executable).with_name("rally-health"))


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    """Two feeds of one league: four standings, and their six matches."""
    write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    sides = [(home, away) for home in TEAMS for away in TEAMS if home < away]
    write(tmp_path, "schedules", [fixture(*pair) for pair in sides])
    return tmp_path / "APTA_CHICAGO"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """An OTLP receiver that the settings name."""
    with receiving() as receiver:
        monkeypatch.setenv("RALLY_OTLP_ENDPOINT", receiver.url)
        yield receiver


def spans(receiver: Receiver) -> list[Span]:
    """All spans of the last trace."""
    sent = ExportTraceServiceRequest.FromString(receiver.bodies["/v1/traces"][-1])
    return [span for group in sent.resource_spans for scope in group.scope_spans for span in scope.spans]


def points(receiver: Receiver, name: str) -> list[NumberDataPoint]:
    """The points of a metric of the last run."""
    sent = ExportMetricsServiceRequest.FromString(receiver.bodies["/v1/metrics"][-1])
    metrics = [one for group in sent.resource_metrics for scope in group.scope_metrics for one in scope.metrics]
    return [point for metric in metrics if metric.name == name for point in metric.gauge.data_points]


def labels(attributes: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value or one.value.double_value for one in attributes}


@pytest.mark.usefixtures("few_rules")
def test_a_check_sends_its_score_and_counts_and_a_span_for_each_unit(run: Run, collector: Receiver) -> None:
    report = run("check", "--json", "-").json()

    root = next(span for span in spans(collector) if not span.parent_span_id)
    children = [span for span in spans(collector) if span.parent_span_id == root.span_id]
    assert (root.name, labels(root.attributes)["rally.run"]) == ("health check", report["run"])
    assert {"measure", "schedule", "duplicate_match"} <= {span.name for span in children}
    assert all(root.start_time_unix_nano <= one.start_time_unix_nano < one.end_time_unix_nano for one in children)
    traced = {
        rule.string_value for span in children for one in span.attributes for rule in one.value.array_value.values
    }
    assert {one["rule"] for one in report["results"] if one["count"] is not None} <= traced
    assert [point.as_double for point in points(collector, "rally.health.coverage")] == pytest.approx(
        [report["coverage"]], abs=1e-4
    )
    bad = {labels(one.attributes)["rule"]: one.as_int for one in points(collector, "rally.rule.bad_rows")}
    counted = {one["rule"]: one["count"] for one in report["results"] if one["count"] is not None}
    assert bad == counted


def test_an_import_sends_what_each_feed_brought(run: Run, feeds: Path, collector: Receiver) -> None:
    document = run("import", feeds, "--json", "-").json()

    sent = {(labels(one.attributes)["kind"], labels(one.attributes)["count"]): one.as_int
            for one in points(collector, "rally.import.rows")}  # fmt: skip
    for feed in document["feeds"]:
        assert {name: sent[feed["kind"], name] for name in ("rows", "inserted", "rejects", "unlinked")} == {
            name: feed[name] for name in ("rows", "inserted", "rejects", "unlinked")
        }
    assert {"import", "import schedules of APTA_CHICAGO"} <= {span.name for span in spans(collector)}


def test_an_error_is_told_by_its_type_alone(run: Run, collector: Receiver, tmp_path: Path) -> None:
    assert run("import", tmp_path / "of Mrs Miller").code == 3

    (root,) = [span for span in spans(collector) if not span.parent_span_id]
    assert (root.status.code, root.status.message) == (2, "FeedError")
    assert b"Miller" not in collector.bodies["/v1/traces"][-1]


@pytest.mark.parametrize("status", [400, 503])
def test_a_tool_that_takes_nothing_is_a_warning_and_no_more(
    run: Run, feeds: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    monkeypatch.setattr("flows.doors.telemetry.COLLECTOR_SECONDS", 0.2)
    with receiving(status) as tool:
        monkeypatch.setenv("RALLY_OTLP_ENDPOINT", tool.url)
        monkeypatch.setenv("RALLY_OPENLINEAGE_URL", tool.url)
        ran = run("import", feeds)

    assert ran.code == 0
    told = [record.getMessage() for record in caplog.records if record.name.startswith("flows.doors")]
    assert len(told) == 3
    assert len(tool.bodies["/api/v1/lineage"]) <= 3  # the first event with its tries, and none after it


def test_an_import_tells_the_lineage_of_each_feed(
    run: Run, feeds: Path, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(201) as server:
        monkeypatch.setenv("RALLY_OPENLINEAGE_URL", server.url)
        monkeypatch.setenv("RALLY_OPENLINEAGE_API_KEY", "a key of ours")
        assert run("import", feeds, "--dry-run").code == 0
        assert server.bodies == {}
        imported = run("import", feeds, "--json", "-").json()

    events = [json.loads(body) for body in server.bodies["/api/v1/lineage"]]
    told = [(event["job"]["name"], event["eventType"]) for event in events]
    assert told == [
        ("import", "START"), ("import.series_stats.APTA_CHICAGO", "START"),
        ("import.series_stats.APTA_CHICAGO", "COMPLETE"), ("import.schedules.APTA_CHICAGO", "START"),
        ("import.schedules.APTA_CHICAGO", "COMPLETE"), ("import", "COMPLETE"),
    ]  # fmt: skip
    assert server.headers[0]["Authorization"] == "Bearer a key of ours"
    matches, whole = events[4], events[0]["run"]["runId"]
    assert matches["run"]["facets"]["parent"]["run"]["runId"] == whole
    assert matches["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == 6
    (table,) = matches["outputs"]
    assert table["name"] == f"{database.url.database}.public.schedule"
    assert [one["name"] for one in table["facets"]["schema"]["fields"]] == [one.name for one in schedule.columns]
    (feed,) = [one for one in imported["feeds"] if one["kind"] == "schedules"]
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == feed["inserted"]


def test_a_feed_that_is_held_fails_in_the_lineage_and_says_why(
    run: Run, feeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("import", feeds).code == 0
    (feeds / "schedules.json").write_text("[]")
    with receiving(201) as server:
        monkeypatch.setenv("RALLY_OPENLINEAGE_URL", server.url)
        assert run("import", feeds).code == 3

    events = [json.loads(body) for body in server.bodies["/api/v1/lineage"]]
    (failed,) = [one for one in events if one["eventType"] == "FAIL" and one["job"]["name"] != "import"]
    assert "empty_feed" in failed["run"]["facets"]["errorMessage"]["message"]


@pytest.mark.parametrize("variable", ["RALLY_OTLP_ENDPOINT", "RALLY_OPENLINEAGE_URL"])
def test_an_address_that_is_none_is_refused_before_anything_is_done(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "localhost:4318")

    ran = run("check")

    assert (ran.code, variable in ran.out, "expected the address of a server" in ran.out) == (2, True, True)


def test_a_door_without_its_library_says_what_to_install() -> None:
    with pytest.raises(SettingsError, match=r"pip install 'rally-data-health\[odcs\]'"), needing("odcs"):
        raise ModuleNotFoundError(name="open_data_contract_standard")


def test_the_contract_holds_the_published_schema_and_every_rule(run: Run, tmp_path: Path) -> None:
    rules = run("rules", "list", "--json").json()
    ran = run("rules", "export", "--odcs", tmp_path / "contract.yaml")

    contract = yaml.load((tmp_path / "contract.yaml").read_text(), yaml.CSafeLoader)
    standard = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in standard.iter_errors(contract)] == []
    assert ran.out == f"Wrote {tmp_path / 'contract.yaml'}: {len(rules)} rules.\n"
    checked = {one["name"]: one["severity"] for table in contract["schema"] for one in table["quality"]}
    assert checked == {rule["rule"]: rule["severity"] for rule in rules}
    (players,) = [table for table in contract["schema"] if table["name"] == "players"]
    assert {one["name"] for one in players["properties"] if one.get("classification")} >= {"email", "last_name"}
    assert run("rules", "export", "--odcs", "-").out == (tmp_path / "contract.yaml").read_text()


@pytest.fixture
def asked(database: Engine, sixty_nights: None, tmp_path: Path) -> Any:
    """Asks the tools of `rally-health mcp`, with the official client over standard input and output."""
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - half a second for each process that collects

    url = database.url.render_as_string(hide_password=False)
    environment = {**os.environ, "DATABASE_URL": url, "RALLY_REPORTS": str(tmp_path)}

    async def ask(questions: list[tuple[str, dict[str, Any]]]) -> tuple[Any, list[Any]]:
        server = StdioServerParameters(command=PROGRAM, args=["mcp"], env=environment)
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            return tools, [await client.call_tool(name, given) for name, given in questions]

    return lambda *questions: asyncio.run(ask(list(questions)))


@pytest.mark.slow
def test_an_assistant_reads_what_the_commands_say(asked: Any, run: Run) -> None:
    (incident, *_) = run("incidents", "list", "--json").json()
    tools, (health, history, one, rule, wrong, none) = asked(
        ("health", {}), ("history", {"limit": 1}), ("incident", {"number": incident["id"]}),
        ("rule", {"name": "duplicate_match"}), ("rule", {"name": "duplicate_matches"}), ("incident", {"number": 999}),
    )  # fmt: skip

    assert {tool.name for tool in tools} == {"health", "history", "rules", "rule", "incidents", "incident"}
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    newest, *earlier = run("history", "--json").json()
    whole = next(each for each in earlier if each["selection"] == "all")
    assert newest["selection"] == "duplicate_team"  # a run of one rule is no state of the whole
    assert health.structured_content["run"] == whole
    assert history.structured_content["result"] == [newest]
    assert {key: one.structured_content[key] for key in ("rule", "status", "measurement")} == {
        key: incident[key] for key in ("rule", "status", "measurement")
    }
    assert rule.structured_content["limits"] == run("rules", "show", "duplicate_match", "--json").json()["threshold"]
    assert wrong.is_error
    assert "did you mean duplicate_match" in wrong.content[0].text
    assert none.is_error


@pytest.mark.slow
def test_an_assistant_is_told_no_person_and_nothing_that_people_wrote(asked: Any, run: Run) -> None:
    number = run("incidents", "list", "--json").json()[0]["id"]
    assert run("incidents", "ack", number, "--by", "Kim Miller").code == 0
    assert run("incidents", "note", number, "called Mrs Miller", "--by", "Kim Miller").code == 0
    _, answers = asked(
        ("health", {}), ("history", {}), ("incidents", {}), ("incident", {"number": number}), ("rules", {}),
        ("rule", {"name": "duplicate_match"}),
    )  # fmt: skip

    said = "".join(part.text for answer in answers for part in answer.content)
    assert answers[3].structured_content["acknowledged"] is True
    assert "Miller" not in said
    assert "acknowledged" in said
