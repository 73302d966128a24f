"""prefect.yaml says only what Prefect understands, and only what our flows take."""

from __future__ import annotations

import configparser
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import prefect
import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule

from flows.bridge.deploy import job_template
from flows.service.catalogue import rules_of
from flows.service.requests import RuleSelection
from flows.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT: dict[str, Any] = yaml.load((ROOT / "prefect.yaml").read_text(), yaml.CSafeLoader)
DEPLOYMENTS: list[dict[str, Any]] = DOCUMENT["deployments"]
COLLECTIONS = Path(prefect.__file__).parent / "server/api/collections_data/views/aggregate-worker-metadata.json"
TOP = {"name", "prefect-version", "build", "push", "pull", "definitions", "deployments"}
KEYS = {
    "name", "entrypoint", "description", "version", "tags", "parameters", "enforce_parameter_schema",
    "concurrency_limit", "schedules", "work_pool", "triggers",
}  # fmt: skip
SCHEDULE = {"slug", "cron", "timezone", "active", "parameters", "day_or"}
POOL = {"name", "work_queue_name", "job_variables"}
WAITING = {"repair"}

each = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])


def known_variables(kind: str) -> dict[str, Any]:
    """What Prefect's own job template of a type of pools takes, as JSON schema."""
    collections = json.loads(COLLECTIONS.read_text()).values()
    workers = (worker for collection in collections for worker in collection.values())
    found: dict[str, Any] = next(
        worker["default_base_job_configuration"]["variables"] for worker in workers if worker["type"] == kind
    )
    return found


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    file, name = deployment["entrypoint"].split(":")
    found = getattr(import_module(file.removesuffix(".py").replace("/", ".")), name)
    assert isinstance(found, Flow)
    return found


def test_the_file_has_only_keys_that_prefect_knows() -> None:
    assert set(DOCUMENT) <= TOP


@each
def test_a_deployment_has_only_keys_that_prefect_knows(deployment: dict[str, Any]) -> None:
    assert set(deployment) <= KEYS
    assert set(deployment["work_pool"]) <= POOL
    for schedule in deployment.get("schedules", []):
        assert set(schedule) <= SCHEDULE
    if "concurrency_limit" in deployment:
        assert set(deployment["concurrency_limit"]) <= set(ConcurrencyLimitConfig.model_fields)


@each
def test_the_parameters_are_those_of_the_flow(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)

    flow.validate_parameters(deployment.get("parameters", {}))


@each
def test_a_flow_tells_the_ui_what_it_does(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)

    assert flow.description
    assert deployment["description"]


@each
def test_a_check_selects_rules_that_exist(deployment: dict[str, Any]) -> None:
    tags = deployment.get("parameters", {}).get("request", {}).get("tags", [])

    assert len(RuleSelection(tags=tags).selection.apply(rules_of(Settings()))) > 0


@each
def test_nothing_fires_in_the_hours_when_clocks_change(deployment: dict[str, Any]) -> None:
    for schedule in deployment.get("schedules", []):
        if schedule["timezone"] == "UTC":
            continue
        cron = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
        hours = set(cron.cron.split()[1].split(","))

        assert not hours & {"*", "1", "2", "3"}


@each
def test_a_pile_of_runs_is_prevented(deployment: dict[str, Any]) -> None:
    """But for the flow that waits for a person: its place is freed by the pause, and missed by Prefect after it."""
    if deployment["name"] in WAITING:
        assert "concurrency_limit" not in deployment
        return
    assert deployment["concurrency_limit"]["limit"] == 1
    assert deployment["concurrency_limit"]["collision_strategy"] in {"ENQUEUE", "CANCEL_NEW"}


@each
def test_a_schedule_keeps_what_a_person_switched_off(deployment: dict[str, Any]) -> None:
    for schedule in deployment.get("schedules", []):
        assert schedule["active"] == f"{{{{ standing.active.{schedule['slug']} }}}}"


def test_slugs_are_unique() -> None:
    slugs = [schedule["slug"] for deployment in DEPLOYMENTS for schedule in deployment.get("schedules", [])]

    assert len(slugs) == len(set(slugs))


def test_night_and_import_share_a_queue_of_one_run_and_wait() -> None:
    imports = [deployment for deployment in DEPLOYMENTS if deployment["name"] in {"nightly", "import"}]

    assert [one["work_pool"]["work_queue_name"] for one in imports] == ["imports", "imports"]
    assert DOCUMENT["definitions"]["queues"] == {"imports": 1}
    assert all(one["parameters"]["request"]["wait"] > 0 for one in imports)


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_container_is_started_with_what_its_pool_knows(kind: str) -> None:
    pool = DOCUMENT["definitions"][kind]
    default = known_variables(kind)

    assert DOCUMENT["definitions"]["pools"][pool["name"]] == kind
    assert set(pool["job_variables"]) <= set(default["properties"])
    jsonschema.validate(pool["job_variables"], default)


def test_kubernetes_mounts_what_the_environment_names() -> None:
    pod = job_template("kubernetes")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    mounts = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    environment = DOCUMENT["definitions"]["kubernetes"]["job_variables"]["env"]
    paths = [value for name, value in environment.items() if name.startswith("RALLY_")]

    assert paths
    assert job_template("kubernetes")["variables"] == known_variables("kubernetes")
    assert [path for path in paths if not path.startswith(tuple(mounts))] == []


def test_docker_mounts_what_the_environment_names() -> None:
    variables = DOCUMENT["definitions"]["docker"]["job_variables"]
    mounts = [volume.split(":")[1] for volume in variables["volumes"]]

    for name, value in variables["env"].items():
        assert not name.startswith("RALLY_") or value.startswith(tuple(mounts))


def test_a_compose_file_starts_what_it_says() -> None:
    services = yaml.load((ROOT / "deploy" / "compose.yaml").read_text(), yaml.CSafeLoader)["services"]

    assert set(services) == {"database", "prefect", "worker", "page", "reports"}
    assert services["page"]["command"].split()[:2] == ["rally-health", "serve"]
    assert services["page"]["environment"]["RALLY_SERVE_TOKEN"].startswith("${RALLY_SERVE_TOKEN:?")
    assert services["prefect"]["image"].startswith(f"prefecthq/prefect:{prefect.__version__.rsplit('.', 1)[0]}.")


def test_names_are_unique() -> None:
    names = [deployment["name"] for deployment in DEPLOYMENTS]

    assert len(names) == len(set(names))


def test_the_schedules_are_those_of_the_documentation() -> None:
    crons = {one["name"]: [schedule["cron"] for schedule in one.get("schedules", [])] for one in DEPLOYMENTS}

    assert crons == {
        "nightly": ["0 5 * * *"],
        "import": [],
        "daily-monitoring": ["0 6 * * *"],
        "weekly-health-check": ["0 8 * * 1"],
        "monthly-audit": ["0 7 1 * *"],
        "weekly-report": ["30 8 * * 1"],
        "monthly-report": ["30 7 1 * *"],
        "quarterly-review": ["0 9 1 1,4,7,10 *"],
        "annual-audit": ["30 9 1 1 *"],
        "hourly-watch": ["20 * * * *"],
        "league-checks": [],
        "repair": [],
        "dispatch-alerts": ["*/5 * * * *"],
        "watch": ["50 * * * *"],
    }


def test_no_secret_stands_in_the_file() -> None:
    for pool in DOCUMENT["definitions"].values():
        for name, value in pool.get("job_variables", {}).get("env", {}).items():
            if "URL" in name or "TOKEN" in name or "PASSWORD" in name:
                assert value.startswith("{{ prefect.blocks.secret.")


def test_the_unit_of_systemd_serves_on_loopback_as_nobody_in_particular() -> None:
    unit = configparser.ConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy" / "rally-health-serve.service")
    program, *words = unit["Service"]["ExecStart"].split()

    assert program.endswith("/rally-health")
    assert words == ["serve", "--host", "127.0.0.1", "--port", "8711"]
    assert unit["Service"]["User"] != "root"
