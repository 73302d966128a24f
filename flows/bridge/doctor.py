"""What `rally-health deploy --check` looks at: server, key, pools, workers, queues, deployments, runs, automations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import prefect
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.exceptions import PrefectHTTPStatusError

from checks.engine.authoring.units import number_of
from checks.review.values import Period, SystemFact
from flows.bridge.automations import AUTOMATIONS
from flows.bridge.deploy import DEPLOYMENT_TAG, FILE, Declared, client, deployed, missing
from flows.settings import Settings

ONLINE = "ONLINE"
LATE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `todo` says what to do where it is not in order."""

    what: str
    found: str
    todo: str = ""

    @property
    def in_order(self) -> bool:
        """Whether nothing has to be done."""
        return not self.todo


def examine_deployment(client: SyncPrefectClient, settings: Settings, wanted: Declared) -> Iterator[Finding]:
    """Everything that a deployed run needs, one finding each, in the order in which it is put right."""
    yield _version(client.api_version())
    pools = {pool.name: pool for pool in client.read_work_pools(limit=200)}
    for name in wanted.pools:
        yield from _pool(client, name, pools.get(name), wanted.pool_types[name])
    for pool, queue, limit in wanted.limited_queues:
        if pool in pools:
            yield _queue(client, pool, queue, limit)
    yield from _deployments(client, wanted)
    yield _late_runs(client)
    yield from _automations(client)
    for sentence in missing(settings):
        yield Finding("settings", sentence, "set it where the worker runs, unless it is set there already")


def _version(server: str) -> Finding:
    ours = prefect.__version__
    if server.split(".")[:2] == ours.split(".")[:2]:
        return Finding("server", f"Prefect {server}")
    todo = f"install prefect=={server} here, or upgrade the server to {ours}; a server may be one minor version older"
    older = tuple(map(int, server.split(".")[:2])) < tuple(map(int, ours.split(".")[:2]))
    near = older and int(ours.split(".")[1]) - int(server.split(".")[1]) == 1
    return Finding("server", f"Prefect {server}, and {ours} here", "" if near else todo)


def _pool(client: SyncPrefectClient, name: str, pool: WorkPool | None, kind: str) -> Iterator[Finding]:
    what = f"pool {name}"
    if pool is None:
        yield Finding(what, "is not there", "rally-health deploy makes it")
        return
    if pool.type != kind:
        todo = f"prefect work-pool delete {name}, then rally-health deploy, or another name in {FILE}"
        yield Finding(what, f"is of type {pool.type}, and {FILE} wants {kind}", todo)
    if pool.is_paused:
        yield Finding(what, "is paused: nothing of it runs", f"prefect work-pool resume {name}")
    online = [worker for worker in client.read_workers_for_work_pool(name, None, 0, 200) if worker.status == ONLINE]
    todo = "" if online else f"prefect worker start --pool {name}, on the machine that does the work"
    yield Finding(what, f"{len(online)} workers are online", todo)


def _queue(client: SyncPrefectClient, pool: str, name: str, limit: int) -> Finding:
    queues = {queue.name: queue for queue in client.read_work_queues(work_pool_name=pool)}
    what, queue = f"queue {name} of {pool}", queues.get(name)
    if queue is None or queue.concurrency_limit != limit:
        problem = (
            "is not there" if queue is None else f"lets {queue.concurrency_limit or 'any number of'} runs go at once"
        )
        return Finding(what, problem, f"rally-health deploy sets its limit of {limit}")
    return Finding(what, f"{limit} run at once", f"prefect work-queue resume {name}" if queue.is_paused else "")


def _deployments(client: SyncPrefectClient, wanted: Declared) -> Iterator[Finding]:
    there = deployed(client)
    names = [deployment.name for deployment in wanted.deployments]
    lacking = [name for name in names if name not in there]
    if lacking:
        yield Finding("deployments", f"not there: {', '.join(lacking)}", "rally-health deploy")
    else:
        yield Finding("deployments", f"{len(names)} are there")
    for name in sorted(there):
        if there[name].paused:
            yield Finding(f"deployment {name}", "is paused", "rally-health etl resume, or resume it in the UI")
        if name not in names:
            yield Finding(f"deployment {name}", f"is in {FILE} no more", "rally-health deploy takes off its schedules")


def _late_runs(client: SyncPrefectClient) -> Finding:
    late = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[DEPLOYMENT_TAG]),
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"])),
    )
    since = datetime.now(UTC) - LATE_AFTER
    due = [run.expected_start_time for run in client.read_flow_runs(flow_run_filter=late)]
    runs = [moment for moment in due if moment is not None and moment < since]
    todo = "start a worker, or raise its --limit" if runs else ""
    return Finding("late runs", f"{number_of(len(runs), 'runs')} waiting for more than ten minutes", todo)


MOST_COUNTED = 200
IN_TROUBLE = {"failed": ["FAILED"], "crashed": ["CRASHED"], "cancelled": ["CANCELLED"]}


def run_facts(period: Period) -> Iterator[SystemFact]:
    """How the deployed runs of a period went, by Prefect's own count; a line that says so where it refuses."""
    try:
        with client() as asked:
            yield _troubled_runs(asked, period)
            late = _late_runs(asked)
            yield SystemFact("Prefect's late runs", late.found, late.todo, fine=late.in_order)
    except PrefectHTTPStatusError as error:
        yield SystemFact("Prefect", f"refuses to answer (HTTP {error.response.status_code})", fine=False)


def _troubled_runs(asked: SyncPrefectClient, period: Period) -> SystemFact:
    counted = {word: _runs_of(asked, period, states) for word, states in IN_TROUBLE.items()}
    names = Counter(run.name for runs in counted.values() for run in runs)
    said = ", ".join(f"{len(runs)}{'+' * (len(runs) == MOST_COUNTED)} {word}" for word, runs in counted.items())
    detail = ", ".join(f"{name} {number}" for name, number in names.most_common(5))
    return SystemFact("Prefect's runs", said, detail, fine=not counted["failed"] and not counted["crashed"])


def _runs_of(asked: SyncPrefectClient, period: Period, states: list[str]) -> list[FlowRun]:
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[DEPLOYMENT_TAG]), state=FlowRunFilterState(type={"any_": states}),
        start_time={"after_": period.since, "before_": period.until},
    )  # fmt: skip
    return list(asked.read_flow_runs(flow_run_filter=wanted, limit=MOST_COUNTED))


def _automations(client: SyncPrefectClient) -> Iterator[Finding]:
    there = {name: client.read_automations_by_name(name) for name in AUTOMATIONS}
    lacking = [name for name, automations in there.items() if not automations]
    off = [name for name, automations in there.items() if any(not automation.enabled for automation in automations)]
    if lacking:
        yield Finding("automations", f"not there: {', '.join(lacking)}", "rally-health deploy --automations")
    if off:
        yield Finding("automations", f"switched off: {', '.join(off)}", "switch them on in the UI")
    if not lacking and not off:
        yield Finding("automations", f"{len(AUTOMATIONS)} are there")
