"""Everything deployed and a worker at work: what happens then, as Prefect's API tells it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import psutil

from tests.flows.bridge import warm_worker
from tests.flows.bridge.command import PREFECT_CODE, Command
from tests.flows.bridge.server import PREFECT
from tests.forks import Ended, Running, coded

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[3]
POOL = "rally"
PATIENCE = 150
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
ASKING = httpx.Client(timeout=PATIENCE, verify=False, limits=httpx.Limits(max_keepalive_connections=0))  # noqa: S501
"""One client for every look: to read certificates for a new one takes longer than the answer, and no one speaks TLS."""


@dataclass(frozen=True)
class Stage:
    """A Prefect API, and the environment of those who work with it."""

    url: str
    command: Command

    def prefect(self, *arguments: str) -> Ended:
        """Run `prefect` in the checkout; it has nobody to ask."""
        return Running(arguments, self.command.environment, ROOT, work=coded(PREFECT_CODE), apart=True).end()

    def post(self, path: str, body: Any) -> Any:
        """Ask the API."""
        return self._answer("POST", path, body)

    def get(self, path: str) -> Any:
        """What is there."""
        return self._answer("GET", path)

    def patch(self, path: str, body: Any) -> None:
        """Change what is there."""
        self._answer("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Delete what is there."""
        self._answer("DELETE", path)

    def deployment(self, name: str) -> str:
        """The id of a deployment, by "flow/name"."""
        return str(self.get(f"deployments/name/{name}")["id"])

    def are_paused(self, *deployments: str) -> bool:
        """Whether the schedules of these deployments, by "flow/name", all stand still."""
        return all(self.get(f"deployments/name/{name}")["paused"] for name in deployments)

    def started_by_automation(self, deployment: str) -> list[dict[str, Any]]:
        """The runs of a deployment that no person and no schedule started."""
        runs = self.runs(deployment_id={"any_": [self.deployment(deployment)]})
        return [run for run in runs if (run["created_by"] or {}).get("type") == "AUTOMATION"]

    def start(
        self, name: str, state: str = "SCHEDULED", *, environment: Mapping[str, str] | None = None, **request: Any
    ) -> str:
        """Start a run of a deployment as a person would, who fills in its form, and return its id.

        `environment` is the run's own, as one sets it among the job variables.
        """
        body = {"parameters": {"request": request} if request else {}, "state": {"type": state, "message": "a test"}}
        if environment:
            body["job_variables"] = {"env": environment}
        return str(self.post(f"deployments/{self.deployment(name)}/create_flow_run", body)["id"])

    def trigger(self, name: str, **how: Any) -> dict[str, Any]:
        """Start a run of a deployment as a person would, and return it when it has ended."""
        return self.ended(self.start(name, **how))

    def paused(self, run: str) -> dict[str, Any]:
        """A flow run, when it waits for a person: its form stands there, without which an answer is rejected."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(f"flow_runs/{run}")
            assert found["state"]["type"] not in FINAL, found["state"]
            keys = found["state"]["state_details"]["run_input_keyset"] if found["state"]["type"] == "PAUSED" else {}
            return found if keys and self.inputs(run, keys["schema"]) else None

        return until(look, f"flow run {run} does not wait")

    def inputs(self, run: str, prefix: str) -> dict[str, str]:
        """What is asked of a flow run or answered to it, by keys that begin so."""
        found = self.post(f"flow_runs/{run}/input/filter", {"prefix": prefix, "limit": 10})
        return {one["key"]: one["value"] for one in found}

    def answer(self, run: str, **answer: Any) -> dict[str, Any]:
        """Answer a flow run that waits, as the UI does, and return what the API says to that."""
        answered: dict[str, Any] = self.post(f"flow_runs/{run}/resume", {"run_input": answer})
        return answered

    def resume(self, run: str, **answer: Any) -> None:
        """Answer a flow run that waits, so that it goes on."""
        answered = self.answer(run, **answer)
        assert answered["status"] == "ACCEPT", answered

    def ended(self, run: str) -> dict[str, Any]:
        """A flow run, when it has ended."""
        return until(lambda: self._ended(run), f"flow run {run} has not ended")

    def runs(self, **flow_runs: Any) -> list[dict[str, Any]]:
        """The flow runs that a filter finds, newest first."""
        found: list[dict[str, Any]] = self.post(
            "flow_runs/filter", {"flow_runs": flow_runs, "sort": "EXPECTED_START_TIME_DESC", "limit": 200}
        )
        return found

    def children(self, run: str) -> dict[str, dict[str, Any]]:
        """The flow runs that a flow run started, by name."""
        return {one["name"]: one for one in self.runs(parent_flow_run_id={"any_": [run]})}

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """The task runs of a flow run."""
        found: list[dict[str, Any]] = self.post(
            "task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}, "limit": 200, "sort": "EXPECTED_START_TIME_ASC"}
        )
        return found

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        """The artifacts of a flow run, by key."""
        found = self.post("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}, "limit": 200})
        return {one["key"]: one for one in found}

    def events(self, prefix: str, run: str = "") -> list[dict[str, Any]]:
        """The newest fifty events whose name begins with a prefix, of one flow run or of all."""
        wanted: dict[str, Any] = {"event": {"prefix": [prefix]}}
        if run:
            wanted["related"] = {"id": [f"prefect.flow-run.{run}"]}
        return list(self.post("events/filter", {"filter": wanted, "limit": 50})["events"])

    def _ended(self, run: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.get(f"flow_runs/{run}")
        return found if found["state"]["type"] in FINAL else None

    def _answer(self, method: str, path: str, body: Any = None) -> Any:
        """The API's answer; a server on SQLite that is busy says 503 now and then."""

        def ask() -> httpx.Response | None:
            answer = ASKING.request(method, f"{self.url}/{path}", json=body)
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

        answer = until(ask, f"{path} is not answered").raise_for_status()
        return answer.json() if answer.content else None


def until(look: Callable[[], T | None], otherwise: str) -> T:
    """What a look finds as soon as it finds something; each costs whom it asks, so a long wait looks by the second."""
    deadline, pause = time.monotonic() + PATIENCE, 0.1
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found != []:
            return found
        time.sleep(pause)
        pause = min(1.5 * pause, 1.0)
    raise AssertionError(otherwise)


@contextmanager
def worker(stage: Stage, *, cold: bool = False) -> Iterator[psutil.Process]:
    """A process worker that is there; what it and its runs print is printed at its end.

    A `cold` one is a process, and starts processes, as those of an operator; others fork.
    """
    name = f"worker-{uuid4()}"
    words = ("worker", "start", "--pool", POOL, "--limit", "2", "--name", name)
    environment = {**stage.command.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    work = partial(os.execve, PREFECT, [PREFECT, *words], environment) if cold else warm_worker.main
    running = Running(words, environment, stage.command.folder, work=work)
    try:
        until(lambda: _is_online(stage, name) or None, "the worker does not come")
        yield psutil.Process(running.process.pid)
    finally:
        _end(running.process)
        print(running.end().out)  # noqa: T201 - pytest shows it where a test failed


def _is_online(stage: Stage, name: str) -> bool:
    online = {"workers": {"status": {"any_": ["ONLINE"]}}}
    return any(each["name"] == name for each in stage.post(f"work_pools/{POOL}/workers/filter", online))


def _end(process: BaseProcess) -> None:
    """End a worker and what it has started at once; asked to leave, it waits for more than ten seconds."""
    with suppress(psutil.NoSuchProcess):
        left = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.join()
        for each in left:
            with suppress(psutil.NoSuchProcess):
                each.kill()
