"""A Prefect server, a worker, the deployments of prefect.yaml: runs end in named states, and leave what people need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import Engine, text

from etl.importing.import_run import importer_lock
from flows.bridge.automations import make_automations
from flows.bridge.deploy import client
from flows.flows import NO_POLICY
from tests.conftest import copy_of
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.server import prefect_environment
from tests.flows.bridge.stage import FINAL, Stage, until, worker

pytestmark = pytest.mark.slow

IMPORTS = ("nightly/nightly", "import-feeds/import")
TEAMS = [f"{club} - 11" for club in ("Birchwood", "Skokie", "Evanston", "Winnetka")]
PERSON = {"First Name": "Zebulon", "Last Name": "Quagmire-Vantongeren", "Player ID": "nndz-ZEBULON", "PTI": "30.1"}
RULES = """
from sqlalchemy import select
from checks import Bad, Severity, above, check, rows
from etl.tables import teams

@check(severity=Severity.HIGH, table=teams, threshold=above(warn=rows(0), critical=rows(99)), owner="tests")
def teams_to_watch() -> Bad:
    \"\"\"Four teams are more than none.\"\"\"
    return Bad(select(teams.c.id), among=select(teams.c.id))

@check(severity=Severity.HIGH, table=teams, threshold=above(critical=rows(0)), owner="tests")
def teams_in_trouble() -> Bad:
    \"\"\"Four teams are more than none, and none is allowed.\"\"\"
    return Bad(select(teams.c.id), among=select(teams.c.id))
"""
CHECK, WEEKLY, IMPORT = "health-check/weekly-health-check", "review/weekly-report", "import-feeds/import"
REPORTED = ("score", "rules", "failing", "report")
AWAY = {"RALLY_ADMIN_EMAIL": "kim@example.org", "RALLY_SMTP_FROM": "rally@example.org",
        "RALLY_SMTP_URL": "smtps://kim:secret@127.0.0.1:9"}  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """A row of the table of final states: what is asked for, by a deployment and by a command, and what comes of it."""

    name: str
    kind: str
    code: int
    message: str
    artifacts: tuple[str, ...]
    event: str
    deployment: str
    request: Mapping[str, Any]
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def checked(name: str, kind: str, code: int, message: str, rule: str) -> Situation:
    command = ("check", "--name", rule)
    return Situation(
        name, kind, code, message, REPORTED, "rally.health.reported", CHECK, {"names": [rule]}, command
    )  # fmt: skip


SITUATIONS = [
    checked("Healthy", "COMPLETED", 0, r"score 100\.00 \(healthy\); 1 OK; run ", "duplicate_match"),
    checked("Watch", "COMPLETED", 0, r"score 76\.00 \(watch, the score is below 90\); 1 WARN; run ", "teams_to_watch"),
    checked("Critical", "COMPLETED", 1, r"score \d\d\.\d\d \(critical, .*\); 1 CRITICAL; run ", "teams_in_trouble"),
    checked("Unknown", "FAILED", 5, r"no score \(unknown, .*\); 1 SKIPPED; run ", "result_of_unknown_player"),
    Situation("Published", "COMPLETED", 0, r"import run \d+: 1 published", ("import", "import-changes"),
              "rally.import.published", IMPORT, {"kinds": ["series_stats"], "force": True},
              ("import", "--kind", "series_stats", "--force")),
    Situation("Unchanged", "COMPLETED", 0, r"import run \d+: 1 unchanged", ("import",), "", IMPORT,
              {"kinds": ["series_stats"]}, ("import", "--kind", "series_stats")),
    Situation("Refused", "FAILED", 3, r"/there/is/nothing does not exist", (), "", IMPORT,
              {"paths": ["/there/is/nothing"]}, ("import", "/there/is/nothing")),
    Situation("Done", "COMPLETED", 0, r"", ("review-weekly", "review-page-weekly"), "", WEEKLY,
              {"kind": "weekly"}, ("report", "weekly")),
    Situation("Undelivered", "FAILED", 5, r"1 e-mails wait in the outbox", ("review-weekly", "review-page-weekly"), "",
              WEEKLY, {"kind": "weekly", "email": ["admin"]}, ("report", "weekly", "--email", "admin"), AWAY),
]  # fmt: skip
SECRET = "s3cr3t-Pa55word"  # noqa: S105 - what the test looks for in Prefect's database


@pytest.fixture(scope="module")
def base(server: str, template: str) -> Iterator[Engine]:
    """A migrated database that the tests of this file share."""
    yield from copy_of(server, template)


@pytest.fixture(scope="module")
def feeds_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small season, with a player whose name must not reach Prefect."""
    folder = tmp_path_factory.mktemp("feeds")
    write(folder, "series_stats", [standing(team) for team in TEAMS])
    pairs = [(home, away) for home in TEAMS for away in TEAMS if home != away]
    write(folder, "schedules", [fixture(*pair, date=f"09/{2 + day:02}/2024") for day, pair in enumerate(pairs)])
    person = {**PERSON, "League": "APTA_CHICAGO", "Club": "Birchwood", "Series": "Chicago 11", "Team": TEAMS[0]}
    refused = person | {"PTI": "zebulon@example.org", "Player ID": ""}
    # as many different people: one person under many ids is an accident that the gate holds
    letters = [first + second for first in "abcdef" for second in "vwxyz"]
    people = [person | {"Player ID": f"nndz-{own}", "First Name": f"Zebulon {own}"} for own in letters]
    write(folder, "players", [*people, refused])
    return folder


@pytest.fixture(scope="module")
def stage(
    base: Engine, feeds_folder: Path, prefect_api: str, prefect_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Everything deployed, and a worker that waits for runs."""
    home = tmp_path_factory.mktemp("worker")
    (home / "rules").mkdir()
    (home / "rules" / "of_tests.py").write_text(RULES)
    # peer authentication needs no password, and so one that must not leak can be put in
    url = base.url.set(password=SECRET).render_as_string(hide_password=False)
    environment = {
        **prefect_environment(prefect_home, prefect_api), "DATABASE_URL": url, "RALLY_FEEDS": str(feeds_folder),
        "RALLY_REPORTS": str(home / "logs"),
        "RALLY_RULES": str(home / "rules"),
        "RALLY_BREAKER": "false",  # a stop after damage is what tests of the circuit breaker are about
    }  # fmt: skip
    stage = Stage(prefect_api, Command(environment, home))
    deployed = stage.command.run("deploy", "--automations")
    assert deployed.code == 0, deployed
    with worker(stage):
        yield stage


@pytest.fixture(scope="module")
def night(stage: Stage) -> dict[str, Any]:
    """A night that somebody triggered."""
    return completed(stage.trigger("nightly/nightly"))


@pytest.fixture(scope="module")
def damaged(stage: Stage, night: dict[str, Any], base: Engine) -> dict[str, Any]:
    """The daily rules after all matches have lost their teams."""
    with base.begin() as connection:
        connection.execute(text("alter table schedule drop constraint if exists schedule_team_id_not_null"))
        connection.execute(text("update schedule set home_team_id = null, away_team_id = null"))
    return completed(stage.trigger("health-check/daily-monitoring", tags=["daily"]))


def completed(run: dict[str, Any]) -> dict[str, Any]:
    """A run that many tests look at; what they would say of one that Prefect has lost would mislead."""
    assert run["state"]["type"] == "COMPLETED", run["state"]
    return run


def test_a_triggered_night_imports_then_checks(stage: Stage, night: dict[str, Any]) -> None:
    inside = stage.children(night["id"])

    assert inside["import of feeds"]["state"]["name"] == "Published"
    assert night["state"]["name"] == inside["health check"]["state"]["name"], night["state"]["message"]
    assert night["state"]["name"] in {"Healthy", "Watch", "Critical"}
    assert night["state"]["type"] == "COMPLETED"


@pytest.mark.parametrize("case", SITUATIONS, ids=lambda case: case.name)
def test_every_ending_is_what_the_table_says(stage: Stage, night: dict[str, Any], case: Situation) -> None:
    done = stage.trigger(case.deployment, environment=case.environment, **case.request)
    ended = stage.command.having(**case.environment).run(*case.command)

    assert (done["state"]["type"], done["state"]["name"], ended.code) == (case.kind, case.name, case.code), ended
    assert re.match(case.message, done["state"]["message"]), done["state"]["message"]
    left = stage.artifacts(done["id"])
    assert [any(key.startswith(f"rally-{name}") for key in left) for name in case.artifacts] == [True] * len(left)
    until(lambda: not case.event or stage.events(case.event, done["id"]), f"no event {case.event}")


@pytest.mark.usefixtures("night")
def test_a_cron_schedule_fires(stage: Stage) -> None:
    """The watch of a database without any row is FAILED: a night has filled it before, whatever test comes first."""
    watch = stage.deployment("health-check/hourly-watch")
    every_few_seconds = {"schedule": {"cron": "* * * * * */15", "timezone": "UTC"}, "active": True}
    (made,) = stage.post(f"deployments/{watch}/schedules", [every_few_seconds])
    # what was changed is looked at by the scheduler within seconds, all schedules once a minute
    stage.patch(f"deployments/{watch}", {"paused": False})

    def fired() -> dict[str, Any] | None:
        done = [run for run in stage.runs(deployment_id={"any_": [watch]}) if run["state"]["type"] == "COMPLETED"]
        return done[0] if done else None

    assert until(fired, "no scheduled run has ended")["auto_scheduled"]
    stage.delete(f"deployments/{watch}/schedules/{made['id']}")


def test_scans_and_rules_in_trouble_are_task_runs(stage: Stage, damaged: dict[str, Any]) -> None:
    tasks = {
        task["name"]: task
        for task in until(lambda: _all_shown(stage, damaged["id"]), "the task runs are not all shown")
    }

    assert any(name.startswith("scan of schedule: ") for name in tasks)
    assert not [name for name in tasks if name.startswith("duplicate_match (")]
    assert len(tasks) < 40, sorted(tasks)
    verdict = tasks["match_without_teams (HIGH, schedule)"]
    assert (verdict["state"]["type"], verdict["state"]["name"]) == ("FAILED", "Critical")


def test_a_run_that_finds_damage_is_critical_and_not_failed(damaged: dict[str, Any]) -> None:
    assert (damaged["state"]["type"], damaged["state"]["name"]) == ("COMPLETED", "Critical")
    assert damaged["state"]["message"].startswith("score ")


def test_a_check_leaves_artifacts_with_stable_keys(stage: Stage, damaged: dict[str, Any]) -> None:
    left = stage.artifacts(damaged["id"])

    assert set(left) == {f"rally-{name}-tag-daily" for name in ("score", "rules", "failing", "report")}
    rules = {row["rule"]: row for row in json.loads(left["rally-rules-tag-daily"]["data"])}
    assert rules["match_without_teams"]["found"] == "12 of 12 (100 %)"
    assert "match\\_without\\_teams" in left["rally-failing-tag-daily"]["data"]


def test_the_score_of_a_selection_has_a_history(stage: Stage, damaged: dict[str, Any]) -> None:
    again = stage.trigger("health-check/daily-monitoring", tags=["daily"])

    kept = stage.post("artifacts/filter", {"artifacts": {"key": {"any_": ["rally-score-tag-daily"]}}, "limit": 200})

    assert {damaged["id"], again["id"]} <= {one["flow_run_id"] for one in kept}


def test_the_report_that_is_linked_is_there(stage: Stage, damaged: dict[str, Any]) -> None:
    link = stage.artifacts(damaged["id"])["rally-report-tag-daily"]["data"]
    page = Path(link.split("file://")[1].rstrip(")"))

    run = json.loads(page.with_suffix(".json").read_text())["run"]
    assert run in damaged["state"]["message"]
    assert f"run {run}" in page.read_text()


def test_reports_and_imports_are_events(stage: Stage, damaged: dict[str, Any]) -> None:
    (own,) = until(lambda: stage.events("rally.health.reported", damaged["id"]), "no event of the report")
    assert own["resource"]["prefect.resource.id"] == "rally.health.rally-score-tag-daily"
    assert "match_without_teams" in own["payload"]["failing"]
    until(lambda: _published(stage) >= {"schedules", "players"} or None, "no event of the imports")


def test_incidents_that_a_run_opens_are_events(stage: Stage, damaged: dict[str, Any]) -> None:
    """Other runs of the same server open some as well, and each comes by itself."""

    def of_rule() -> list[dict[str, Any]]:
        opened = stage.events("rally.incident.opened", damaged["id"])
        return [event for event in opened if event["payload"]["rule"] == "match_without_teams"]

    assert len(until(of_rule, "no event of the incident")) == 1


def test_tables_that_an_import_writes_are_assets(stage: Stage, night: dict[str, Any]) -> None:
    run = stage.children(night["id"])["import of feeds"]["id"]

    def brought() -> list[dict[str, Any]]:
        written = stage.events("prefect.asset.materialization.succeeded", run)
        matches = [
            one for one in written if one["resource"]["prefect.resource.id"] == "postgres://rally/public/schedule"
        ]
        return [event["payload"] for event in matches if event["payload"].get("inserted")]

    assert until(brought, "no match was written") == [
        {"league": "APTA_CHICAGO", "inserted": 12, "updated": 0, "unchanged": 0, "withdrawn": 0}
    ]


def test_the_health_of_the_tables_is_an_asset_with_its_score(stage: Stage, damaged: dict[str, Any]) -> None:
    health = "rally://health/rally-score-tag-daily"

    def measured() -> list[dict[str, Any]]:
        written = stage.events("prefect.asset.materialization.succeeded", damaged["id"])
        return [event for event in written if event["resource"]["prefect.resource.id"] == health]

    (event,) = until(measured, "the health is no asset")

    assert event["payload"]["band"] == "critical"
    assert f"score {event['payload']['score']:.2f}" in damaged["state"]["message"]
    assert event["payload"]["bad rows"] >= 12
    assert {"prefect.resource.id": "postgres://rally/public/schedule", "prefect.resource.role": "asset"} in [
        {name: one[name] for name in ("prefect.resource.id", "prefect.resource.role")} for one in event["related"]
    ]


def test_a_critical_score_starts_the_incident_flow(stage: Stage, damaged: dict[str, Any]) -> None:
    dispatch = "dispatch-alerts/dispatch-alerts"

    assert until(lambda: stage.started_by_automation(dispatch), "the automation started nothing")


@pytest.mark.parametrize("deployment", IMPORTS)
def test_a_wrong_path_is_refused_and_stops_and_pauses_nothing(stage: Stage, deployment: str) -> None:
    able_to_stop = {"RALLY_BREAKER": "true"}
    state = stage.trigger(deployment, environment=able_to_stop, paths=["/there/is/nothing"])["state"]

    assert (state["type"], state["name"]) == ("FAILED", "Refused")
    assert stage.command.run("etl", "status", "--json").json["running"]
    assert not any(stage.are_paused(name) for name in IMPORTS)


@pytest.mark.parametrize("deployment", IMPORTS)
def test_an_import_that_crashed_starts_the_watch_and_pauses_nothing(stage: Stage, deployment: str) -> None:
    before = {run["id"] for run in stage.started_by_automation("watch/watch")}

    stage.post(f"flow_runs/{stage.start(deployment, 'PENDING')}/set_state", {"state": {"type": "CRASHED"}})

    until(lambda: {run["id"] for run in stage.started_by_automation("watch/watch")} - before or None, "no watch")
    assert not any(stage.are_paused(name) for name in IMPORTS)


def test_an_import_beside_another_ends_as_busy(stage: Stage, base: Engine) -> None:
    with importer_lock(base):
        state = stage.trigger("import-feeds/import", wait=0)["state"]

    assert (state["type"], state["name"]) == ("COMPLETED", "Busy")
    assert state["message"].startswith("another import is running")


def test_a_day_without_a_report_starts_the_watch(stage: Stage) -> None:
    """Ten seconds stand for the day; a real day is put back in the end."""
    with temporary_settings({PREFECT_API_URL: stage.url}), client() as api:
        make_automations(api, timedelta(seconds=10))
        # one that another one is still at work beside is cancelled
        done = until(lambda: _done(stage.started_by_automation("watch/watch")), "the automation started nothing")
        make_automations(api)

    assert (done[0]["state"]["name"], done[0]["state"]["message"]) == ("Done", NO_POLICY)


def test_a_night_whose_feed_is_held_goes_on_to_its_check(
    stage: Stage, damaged: dict[str, Any], feeds_folder: Path
) -> None:
    kept = (feeds_folder / "APTA_CHICAGO" / "schedules.json").read_text()
    write(feeds_folder, "schedules", [])

    blocked = stage.trigger("nightly/nightly")

    write(feeds_folder, "schedules", json.loads(kept))
    inside = {name: child["state"] for name, child in stage.children(blocked["id"]).items()}
    assert (inside["import of feeds"]["type"], inside["import of feeds"]["name"]) == ("COMPLETED", "Blocked")
    assert blocked["state"]["name"] == inside["health check"]["name"]
    assert until(lambda: stage.events("rally.import.blocked"), "no event of the block")[0]["payload"]["reasons"]


def test_a_run_that_cannot_be_done_is_a_technical_failure(stage: Stage) -> None:
    failed = stage.trigger("health-check/weekly-health-check", names=["no_such_rule"])

    assert (failed["state"]["type"], failed["state"]["name"]) == ("FAILED", "Failed")
    assert "no rule is called 'no_such_rule'" in failed["state"]["message"]


def test_a_repair_waits_for_a_person_and_is_made(stage: Stage, damaged: dict[str, Any], base: Engine) -> None:
    run = stage.start("repair/repair", rules=["match_without_teams"])
    stage.paused(run)
    (plan,) = json.loads(stage.artifacts(run)["rally-plans"]["data"])

    stage.resume(run, approve=[plan["plan"]], who="Kim")

    assert stage.ended(run)["state"]["name"] == "Repaired"
    with base.begin() as connection:
        assert connection.execute(text("select count(*) from schedule where home_team_id is null")).scalar_one() == 0


def test_nothing_of_a_person_or_a_secret_reaches_prefect(
    stage: Stage, night: dict[str, Any], damaged: dict[str, Any], prefect_home: Path
) -> None:
    stored = b"".join(path.read_bytes() for path in prefect_home.glob("prefect.db*"))

    assert b"health-check" in stored
    for private in ("Zebulon", "Quagmire", "zebulon@example.org", SECRET):
        assert private.encode() not in stored


def _published(stage: Stage) -> set[str]:
    return {event["payload"]["kind"] for event in stage.events("rally.import.published")}


def _done(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [run for run in runs if run["state"]["type"] == "COMPLETED"]


def _all_shown(stage: Stage, run: str) -> list[dict[str, Any]] | None:
    """The task runs of a flow run, when those of its verdicts are there: the server takes a while to store them."""
    tasks = stage.tasks(run)
    done = [task["name"] for task in tasks if task["state_type"] in FINAL]
    return tasks if any(name.startswith("match_without_teams (") for name in done) else None
