"""Deploying: what has to be there first, `prefect deploy` itself, and the automations that it leaves to be made.

An automation is what Prefect does by itself when a run ends badly, or does not come. Ours only start deployments of
this project, or pause them; whom to notify, and how, is up to the alert policy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events import ResourceSpecification
from prefect.events.actions import PauseDeployment, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.bridge.artifacts import key
from flows.settings import Settings

DAILY = f"rally.health.{key('score', 'tag daily')}"
DAY_AND_A_BIT = timedelta(hours=26)
CRASHED = {"prefect.flow-run.Crashed", "prefect.flow-run.Failed"}


def automations(deployments: Mapping[str, UUID], silence: timedelta = DAY_AND_A_BIT) -> list[AutomationCore]:
    """The automations, given the ids of deployments by name ("flow/deployment"). Raises KeyError for one that lacks.

    `silence` is how long no report of the daily rules is borne with.
    """
    return [_critical(deployments), _silent(deployments, silence), _broken(deployments)]


def apply_automations(client: SyncPrefectClient, wanted: Sequence[AutomationCore]) -> None:
    """Create the automations, in place of those with the same names."""
    for automation in wanted:
        for old in client.read_automations_by_name(automation.name):
            client.delete_automation(old.id)
        client.create_automation(automation)


def _critical(deployments: Mapping[str, UUID]) -> AutomationCore:
    return AutomationCore(
        name="rally: score below 75",
        description="A health check in the critical band starts the incident flow at once.",
        trigger=EventTrigger(
            expect={"rally.health.reported"},
            match=ResourceSpecification({"prefect.resource.id": "rally.health.*", "rally.band": "critical"}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployments["dispatch-alerts/dispatch-alerts"])],
    )


def _silent(deployments: Mapping[str, UUID], silence: timedelta) -> AutomationCore:
    return AutomationCore(
        name="rally: no health check for a day",
        description="No report of the daily rules for too long: the watch looks for itself, and tells.",
        trigger=EventTrigger(
            expect={"rally.health.reported"},
            match=ResourceSpecification({"prefect.resource.id": DAILY}),
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployments["watch/watch"])],
    )


def _broken(deployments: Mapping[str, UUID]) -> AutomationCore:
    imports = ("nightly/nightly", "import-feeds/import")
    return AutomationCore(
        name="rally: crashed import",
        description="An import that crashed stops the ETL: its deployments are paused until somebody resumes them.",
        trigger=EventTrigger(
            expect=CRASHED,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {
                    "prefect.resource.role": "deployment",
                    "prefect.resource.id": [f"prefect.deployment.{deployments[name]}" for name in imports],
                }
            ),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[PauseDeployment(source="selected", deployment_id=deployments[name]) for name in imports],
    )


ROOT = Path(__file__).resolve().parents[2]
FILE = "prefect.yaml"
ONLINE = "ONLINE"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as `prefect.yaml` declares it."""

    name: str
    entrypoint: str
    pool: str
    parameters: dict[str, Any]


def declared(folder: Path = ROOT) -> list[Deployment]:
    """The deployments of a `prefect.yaml`. Raises FileNotFoundError outside of a checkout."""
    document = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    return [
        Deployment(one["name"], one["entrypoint"], one["work_pool"]["name"], one.get("parameters") or {})
        for one in document["deployments"]
    ]


def missing(settings: Settings) -> Iterator[str]:
    """What a deployed run would not find, one sentence each."""
    if settings.database_url is None:
        yield "DATABASE_URL is not set here: a worker without it needs an embedded database in its folder"
    if settings.feeds is None:
        yield "RALLY_FEEDS is not set here: a worker without it has no feeds to import at night"
    elif not settings.feeds.is_dir():
        yield f"RALLY_FEEDS is {settings.feeds}, which is no folder here"
    if settings.alerts_policy is None:
        yield "RALLY_ALERTS_POLICY is not set here: dispatch-alerts and watch fail without it, and tell nobody"


def make_pools(client: SyncPrefectClient, names: Sequence[str]) -> list[str]:
    """Create the work pools that are not there, as process pools, and return their names."""
    made = []
    for name in names:
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type="process"))
            made.append(name)
    return made


def idle_pools(client: SyncPrefectClient, names: Sequence[str]) -> list[str]:
    """The work pools without a worker that is online."""
    return [
        name
        for name in names
        if not any(worker.status == ONLINE for worker in client.read_workers_for_work_pool(name, None, 0, 200))
    ]


def deploy_all(folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `prefect deploy --all` on the checkout, without a question; workers find the flows where it lies."""
    prefect = str(Path(sys.executable).with_name("prefect"))
    command = ["env", f"RALLY_HOME={folder}", prefect, "--no-prompt", "deploy", "--all"]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)  # noqa: S603 - our own program and folder


def make_automations(client: SyncPrefectClient, silence: timedelta = DAY_AND_A_BIT) -> list[str]:
    """Create the automations for what is deployed, and return their names. Raises KeyError for what is not."""
    known: dict[str, UUID] = {}
    for deployment in client.read_deployments(limit=200):
        flow = client.read_flow(deployment.flow_id)
        known[f"{flow.name}/{deployment.name}"] = deployment.id
    wanted = automations(known, silence)
    apply_automations(client, wanted)
    return [automation.name for automation in wanted]


def client() -> SyncPrefectClient:
    """A client of the API that is set."""
    return get_client(sync_client=True)
