"""What runs next: as the Prefect API says where it answers, else as prefect.yaml declares it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import yaml
from cronsim import CronSim, CronSimError

DECLARED = Path(__file__).resolve().parents[2] / "prefect.yaml"
API_SECONDS = 5
ASK_EVERY = 60.0
MOST_RUNS = 20


@dataclass(frozen=True, slots=True)
class NextRun:
    """One run to come; `source` says who knows of it."""

    at: datetime
    name: str
    what: str
    source: str


@dataclass(slots=True)
class Upcoming:
    """The runs to come. The API is asked beside what is being shown, once a minute at most: it may be slow, or away."""

    api: str | None = None
    asked: float = float("-inf")
    answer: tuple[NextRun, ...] = field(default=())

    def runs(self, now: datetime) -> tuple[NextRun, ...]:
        """The next runs, soonest first: those that the API returned last, else the declared ones."""
        if self.api is not None and time.monotonic() - self.asked > ASK_EVERY:
            self.asked = time.monotonic()
            Thread(target=self.ask, daemon=True).start()
        return tuple(run for run in self.answer if run.at > now) or declared_runs(now)

    def ask(self) -> None:
        """Ask the API; where it does not answer, nothing is known of it any more."""
        try:
            self.answer = tuple(_scheduled(str(self.api)))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError):
            self.answer = ()


def _scheduled(api: str) -> Iterator[NextRun]:
    wanted = {
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "tags": {"all_": ["rally"]}},
        "sort": "EXPECTED_START_TIME_ASC", "limit": MOST_RUNS,
    }  # fmt: skip
    answer = httpx.post(f"{api.rstrip('/')}/flow_runs/filter", json=wanted, timeout=API_SECONDS).raise_for_status()
    for run in answer.json():
        at = datetime.fromisoformat(run["expected_start_time"])
        yield NextRun(at, str(run["name"]), ", ".join(run.get("tags") or ()), "Prefect")


def declared_runs(now: datetime, path: Path = DECLARED) -> tuple[NextRun, ...]:
    """The next run of each schedule of prefect.yaml, soonest first; none where there is no such file."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        return ()
    runs = (run for entry in document["deployments"] for run in _declared(entry, now))
    return tuple(sorted(runs, key=lambda run: (run.at, run.name)))


def _declared(entry: Mapping[str, Any], now: datetime) -> Iterator[NextRun]:
    for schedule in entry.get("schedules") or ():
        zone = ZoneInfo(schedule.get("timezone", "UTC"))
        try:
            at = next(CronSim(schedule["cron"], now.astimezone(zone)))
        except (CronSimError, StopIteration):  # Prefect refuses it when it is deployed
            continue
        yield NextRun(at.astimezone(now.tzinfo), entry["name"], entry.get("description", ""), "prefect.yaml")
