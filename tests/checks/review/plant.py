"""A past that never was: runs, imports and incidents with planted trends and outages, judged by the real rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from checks.engine.authoring.units import Status
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import judge
from checks.engine.measuring.measure import Measurement
from checks.engine.reporting.score import Score, Weighed, score
from etl.tables import (
    check_results,
    check_runs,
    deliveries,
    delivery_incidents,
    import_feeds,
    import_runs,
    incident_events,
    incidents,
)

Figures = Mapping[str, tuple[int, int] | float]
"""What a run reads: for each rule bad rows of all rows, or the value of a metric."""

RUN = "00000000-0000-4000-8000-000000000001"
"""The run of planted incidents; none of the planted runs has its id."""


@dataclass(slots=True)
class Plant:
    """Puts runs into a database, one after another."""

    connection: Connection
    rules: Rules
    selection: str = "all"
    number: int = 0
    baseline: dict[str, list[float]] = field(default_factory=dict)

    def run(
        self, at: datetime, figures: Figures, *, leagues: Mapping[str, float] | None = None,
        kept: Mapping[str, Any] | None = None, **own: Any,
    ) -> Score:  # fmt: skip
        """One health check with what it read, and its score; `kept` changes its row, `own` those of its results."""
        self.number += 1
        weighed = {name: self._weighed(name, figure) for name, figure in figures.items()}
        found = score(weighed.values())
        run = str(UUID(int=self.number))
        row = {
            "id": run, "started_at": at, "finished_at": at + timedelta(seconds=9), "today": at.date(), "scoped": False,
            "selection": self.selection, "score": found.value, "gross": found.value, "band": found.band.value,
            "formula": 1, "coverage": 1.0, "snapshots": 1, "parts": {"league": dict(leagues or {})},
            "domains": {name: None if part is None else float(part) for name, part in found.domains.items()},
        }  # fmt: skip
        self.connection.execute(check_runs.insert(), row | dict(kept or {}))
        results = [self._result(run, at, figures[name], one, found) | own for name, one in weighed.items()]
        if results:
            self.connection.execute(check_results.insert(), results)
        return found

    def _weighed(self, name: str, figure: tuple[int, int] | float) -> Weighed:
        rule = self.rules[name]
        if isinstance(figure, tuple):
            verdict = judge(rule.threshold, Measurement(count=figure[0], total=figure[1]))
            return Weighed(name, "", rule.domain, rule.severity, verdict.status, verdict.share, *figure)
        baseline = self.baseline.setdefault(name, [])
        verdict = judge(rule.threshold, Measurement(value=figure), baseline)
        baseline.append(figure)
        return Weighed(name, "", rule.domain, rule.severity, verdict.status, verdict.share)

    def _result(
        self, run: str, at: datetime, figure: tuple[int, int] | float, weighed: Weighed, found: Score
    ) -> dict[str, Any]:
        rows = isinstance(figure, tuple)
        return {
            "run_id": run, "rule": weighed.rule, "parameter": "", "at": at, "domain": weighed.domain,
            "severity": weighed.severity.value, "status": weighed.status.value, "gross_status": weighed.status.value,
            "count": weighed.count if rows else None, "total": weighed.total if rows else None,
            "rate": weighed.count / weighed.total if rows else None, "value": None if rows else figure,
            "threshold": str(self.rules[weighed.rule].threshold), "points": found.points.get((weighed.rule, ""), 0),
            "waived": 0, "accepted": False, "new": None, "known": None, "fixed": None, "exact": True, "examples": [],
            "clusters": [],
            "sql": "select 1", "seconds": 0.1, "error": "", "note": "",
        }  # fmt: skip

    def imported(self, began: datetime, minutes: float = 20, **changes: Any) -> int:
        """One import run with one feed."""
        ended = began + timedelta(minutes=minutes)
        feed = {
            "path": "feeds/all/schedules.json", "kind": "schedules", "league": "all", "outcome": "published",
            "started_at": began, "finished_at": ended, "rows": 7_000, "records": 7_000, "linked": 14_000, "updated": 5,
            **changes,
        }  # fmt: skip
        values = {"started_at": began, "finished_at": feed["finished_at"], "outcome": feed["outcome"], "paths": []}
        run = self.connection.execute(import_runs.insert().values(values).returning(import_runs.c.id)).scalar_one()
        self.connection.execute(import_feeds.insert(), feed | {"run_id": run})
        return int(run)

    def incident(self, rule: str, worst: Status, story: Sequence[tuple[str, datetime]]) -> int:
        """An incident with its story: pairs of what happened (`told` for a message that was sent) and when."""
        moments = dict(story)
        ended = moments.get("resolved")
        own = self.rules[rule]
        row = {
            "rule": rule, "domain": own.domain, "severity": own.severity.value, "status": worst.value,
            "worst": worst.value, "summary": own.summary, "opened_at": moments["opened"], "opened_run": RUN,
            "seen_at": moments["opened"], "seen_run": RUN, "since": moments["opened"], "resolved_at": ended,
            "resolution": "gone" if ended else None, "acknowledged_at": moments.get("acknowledged"),
        }  # fmt: skip
        number = int(self.connection.execute(incidents.insert().values(row).returning(incidents.c.id)).scalar_one())
        for kind, at in story:
            if kind == "told":
                self._sent(number, worst, at)
            else:
                actor = "kim" if kind == "acknowledged" else ""
                event = {"incident_id": number, "at": at, "kind": kind, "actor": actor}
                self.connection.execute(incident_events.insert(), event)
        return number

    def _sent(self, number: int, worst: Status, at: datetime) -> None:
        row = {
            "key": f"{number} {at.isoformat()}", "channel": "sms", "recipient": "kim", "reason": "new", "subject": "x",
            "text": "x", "token": f"t{number}-{at:%d%H%M}", "state": "sent", "created_at": at, "due_at": at,
            "sent_at": at,
        }  # fmt: skip
        sent = self.connection.execute(deliveries.insert().values(row).returning(deliveries.c.id)).scalar_one()
        about = {"delivery_id": sent, "incident_id": number, "reason": "new", "status": worst.value}
        self.connection.execute(delivery_incidents.insert(), about)


def nights(first: datetime, number: int) -> Iterable[tuple[int, datetime]]:
    """The nights of a season, counted from nought."""
    return ((night, first + timedelta(days=night)) for night in range(number))


def season(plant: Plant, first: datetime, number: int, figures: Callable[[int], Figures], without: set[int]) -> None:
    """One run a night, but not on those `without`."""
    for night, at in nights(first, number):
        if night not in without:
            plant.run(at, figures(night))
