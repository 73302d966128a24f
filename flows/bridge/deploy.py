"""Deploying: pools, queues and deployments of prefect.yaml, without undoing what a person has paused.

`prefect deploy` by itself resumes every paused deployment. The step `standing` of prefect.yaml keeps it from that, and
so both it and `rally-health deploy` leave alone what a person has paused or switched off.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse

from flows.settings import Settings, SettingsError

ROOT = Path(__file__).resolve().parents[2]
FILE = "prefect.yaml"
DEPLOYMENT_TAG = "rally"
"""Every deployment of ours has it, and so has every run of one."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as `prefect.yaml` declares it; `schedules` are crons by slug."""

    name: str
    entrypoint: str
    pool: str
    queue: str
    parameters: dict[str, Any] = field(default_factory=dict)
    schedules: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a `prefect.yaml` declares: deployments, the types of pools, and how many runs a queue may have at once."""

    deployments: tuple[Deployment, ...]
    pool_types: Mapping[str, str]
    queue_limits: Mapping[str, int]

    @property
    def pools(self) -> list[str]:
        """The pools that deployments use."""
        return sorted({deployment.pool for deployment in self.deployments})

    @property
    def limited_queues(self) -> list[tuple[str, str, int]]:
        """Pool, queue and limit of each queue that has one."""
        used = sorted({(deployment.pool, deployment.queue) for deployment in self.deployments})
        return [(pool, queue, self.queue_limits[queue]) for pool, queue in used if queue in self.queue_limits]


def declared(folder: Path = ROOT) -> Declared:
    """What the `prefect.yaml` of a checkout declares. Raises SettingsError outside of one."""
    try:
        document = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no {FILE} in {folder}; deploy from a checkout") from None
    definitions = document["definitions"]
    return Declared(tuple(map(_deployment, document["deployments"])), definitions["pools"], definitions["queues"])


def _deployment(entry: Mapping[str, Any]) -> Deployment:
    pool = entry["work_pool"]
    return Deployment(
        name=entry["name"], entrypoint=entry["entrypoint"], pool=pool["name"],
        queue=pool.get("work_queue_name", "default"), parameters=entry.get("parameters") or {},
        schedules={schedule["slug"]: schedule["cron"] for schedule in entry.get("schedules") or ()},
    )  # fmt: skip


def deployed(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    """Our deployments on the server, by name."""
    ours = filters.DeploymentFilter(tags=filters.DeploymentFilterTags(all_=[DEPLOYMENT_TAG]))
    return {deployment.name: deployment for deployment in client.read_deployments(deployment_filter=ours, limit=200)}


def standing() -> dict[str, dict[str, bool]]:
    """A step of prefect.yaml: which schedules, by slug, are on; those of a paused deployment are off.

    `prefect deploy` resumes what it deploys. With its schedules off nothing is started by that, and when the process
    ends, what a person had paused is paused again.
    """
    # prefect runs the steps once for each deployment
    return {"active": _hold_still()}


@cache
def _hold_still() -> dict[str, bool]:
    with get_client(sync_client=True) as api:
        there = deployed(api)
    paused = [known for known in there.values() if known.paused]
    atexit.register(_pause_again, paused)
    off = {slug for known in there.values() for slug in (_crons(known) if known.paused else _switched_off(known))}
    return {slug: slug not in off for wanted in declared().deployments for slug in wanted.schedules}


def _pause_again(paused: Sequence[DeploymentResponse]) -> None:
    with get_client(sync_client=True) as api:
        for deployment in paused:
            api.pause_deployment(deployment.id)
            were_on = _crons(deployment).keys() - _switched_off(deployment)
            for schedule in api.read_deployment(deployment.id).schedules:
                if schedule.slug in were_on:
                    api.update_deployment_schedule(deployment.id, schedule.id, active=True)


def enter_home() -> dict[str, str]:
    """A step of prefect.yaml: go to where this package is installed, on whatever machine the run works."""
    os.chdir(ROOT)
    return {"directory": str(ROOT)}


def paused_deployments(client: SyncPrefectClient) -> list[str]:
    """Our deployments that somebody has paused."""
    return list(_paused(client))


def resume_deployments(client: SyncPrefectClient) -> list[str]:
    """Resume every deployment of ours that is paused, and return their names."""
    paused = _paused(client)
    for deployment in paused.values():
        client.resume_deployment(deployment.id)
    return list(paused)


def _paused(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    return {name: deployment for name, deployment in sorted(deployed(client).items()) if deployment.paused}


def changes(client: SyncPrefectClient, wanted: Declared) -> Iterator[str]:
    """What deploying would change on the server, one line each; nothing for what stays as it is."""
    there = deployed(client)
    for name in _missing_pools(client, wanted.pools):
        yield f"pool {name}: made, of type {wanted.pool_types[name]}"
    for deployment in wanted.deployments:
        known = there.get(deployment.name)
        yield from [f"{deployment.name}: new"] if known is None else _differences(deployment, known)
    for name in sorted(there.keys() - {deployment.name for deployment in wanted.deployments}):
        gone = f"{name}: is in {FILE} no more"
        yield f"{gone}, its schedules are taken off" if there[name].schedules else f"{gone}, and has no schedule"


def _differences(wanted: Deployment, there: DeploymentResponse) -> Iterator[str]:
    if there.entrypoint != wanted.entrypoint:
        yield f"{wanted.name}: entrypoint {there.entrypoint} -> {wanted.entrypoint}"
    if there.parameters != wanted.parameters:
        yield f"{wanted.name}: parameters {there.parameters} -> {wanted.parameters}"
    if (there.work_pool_name, there.work_queue_name) != (wanted.pool, wanted.queue):
        yield f"{wanted.name}: pool {there.work_pool_name}/{there.work_queue_name} -> {wanted.pool}/{wanted.queue}"
    crons = _crons(there)
    for slug in sorted(crons.keys() | wanted.schedules.keys()):
        before, after = crons.get(slug, "off"), wanted.schedules.get(slug, "off")
        if before != after:
            yield f"{wanted.name}: schedule {slug} {before} -> {after}"
    if there.paused:
        yield f"{wanted.name}: is paused, and stays so"
    for slug in sorted(_switched_off(there) & wanted.schedules.keys()):
        yield f"{wanted.name}: schedule {slug} is switched off, and stays so"


def _crons(known: DeploymentResponse) -> dict[str, str]:
    return {_slug(entry): str(getattr(entry.schedule, "cron", entry.schedule)) for entry in known.schedules}


def _slug(entry: DeploymentSchedule) -> str:
    return entry.slug or str(entry.id)


def _switched_off(known: DeploymentResponse) -> set[str]:
    return {_slug(entry) for entry in known.schedules if not entry.active}


def _missing_pools(client: SyncPrefectClient, names: Sequence[str]) -> list[str]:
    there = {pool.name for pool in client.read_work_pools(limit=200)}
    return [name for name in names if name not in there]


def make_pools(client: SyncPrefectClient, wanted: Declared) -> None:
    """Create the work pools that are not there, of the type that prefect.yaml gives them."""
    for name in _missing_pools(client, wanted.pools):
        kind = wanted.pool_types[name]
        template = job_template(kind)
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))


def job_template(kind: str) -> dict[str, Any]:
    """What a pool's runs are started with: a file below `deploy/` where there is one, else Prefect's default."""
    own = ROOT / "deploy" / f"{kind}-pool.json"
    if own.is_file():
        template: dict[str, Any] | None = json.loads(own.read_text(encoding="utf-8"))
    else:
        # all kinds of workers: half a second of imports
        from prefect.workers.utilities import (  # noqa: PLC0415
            get_default_base_job_template_for_infrastructure_type,
        )

        template = asyncio.run(get_default_base_job_template_for_infrastructure_type(kind))
    if template is None:
        raise SettingsError(f"Prefect knows no pools of type {kind!r}; pip install prefect-{kind}")
    return template


def limit_queues(client: SyncPrefectClient, wanted: Declared) -> None:
    """Let no more runs of a queue run at once than prefect.yaml says."""
    for pool, name, limit in wanted.limited_queues:
        queue = client.read_work_queue_by_name(name, work_pool_name=pool)
        client.update_work_queue(queue.id, concurrency_limit=limit)


def deploy_all(folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `prefect deploy --all` on the checkout, without a question; workers find the flows where it lies."""
    prefect = str(Path(sys.executable).with_name("prefect"))
    command = [prefect, "--no-prompt", "deploy", "--all"]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)  # noqa: S603 - our own program and folder


def take_off_schedules(client: SyncPrefectClient, wanted: Declared) -> None:
    """Delete schedules of our deployments that prefect.yaml declares no more; the deployments stay."""
    slugs = {deployment.name: deployment.schedules.keys() for deployment in wanted.deployments}
    for name, there in deployed(client).items():
        for schedule in there.schedules:
            if _slug(schedule) not in slugs.get(name, ()):
                client.delete_deployment_schedule(there.id, schedule.id)


def prune_runs(client: SyncPrefectClient, days: int) -> int:
    """Delete flow runs of ours that ended longer ago, with their task runs, and return how many."""
    before = datetime.now(UTC) - timedelta(days=days)
    old = filters.FlowRunFilter(
        tags=filters.FlowRunFilterTags(any_=[DEPLOYMENT_TAG, "command-line"]),
        end_time=filters.FlowRunFilterEndTime(before_=before),
    )
    deleted = 0
    while runs := client.read_flow_runs(flow_run_filter=old, limit=200):
        for run in runs:
            client.delete_flow_run(run.id)
        deleted += len(runs)
    return deleted


def missing(settings: Settings) -> Iterator[str]:
    """What a deployed run would not find, one sentence each."""
    if settings.database_url is None:
        yield "DATABASE_URL is not set here: a worker without it needs an embedded database in its folder"
    if settings.feeds is None:
        yield "RALLY_FEEDS is not set here: a worker without it has no feeds to import at night"
    elif not settings.feeds.is_dir():
        yield f"RALLY_FEEDS is {settings.feeds}, which is no folder here"
    if settings.alerts_policy is None and settings.admin_phone is None and settings.admin_email is None:
        yield "neither RALLY_ALERTS_POLICY nor RALLY_ADMIN_PHONE or RALLY_ADMIN_EMAIL is set here: nobody is notified"


def client() -> SyncPrefectClient:
    """A client of the API that is set."""
    return get_client(sync_client=True)
