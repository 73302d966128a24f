"""What runs next, by the file that declares it and by the API that knows better."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.service.schedules import Upcoming, declared_runs

CHICAGO = ZoneInfo("America/Chicago")
SATURDAY_BEFORE_SPRING = datetime(2026, 3, 7, 23, 0, tzinfo=CHICAGO)


def test_the_next_run_of_each_schedule_is_known_soonest_first() -> None:
    runs = declared_runs(datetime(2026, 6, 1, 5, 30, tzinfo=CHICAGO))
    first = {run.name: run.at for run in reversed(runs)}

    assert [run.at for run in runs] == sorted(run.at for run in runs)
    assert first["daily-monitoring"] == datetime(2026, 6, 1, 6, 0, tzinfo=CHICAGO)
    assert first["nightly"] == datetime(2026, 6, 2, 5, 0, tzinfo=CHICAGO)


def test_the_night_in_which_clocks_change_is_an_hour_shorter() -> None:
    first = {run.name: run.at for run in reversed(declared_runs(SATURDAY_BEFORE_SPRING))}

    assert first["nightly"].timestamp() - SATURDAY_BEFORE_SPRING.timestamp() == timedelta(hours=5).total_seconds()


def test_without_the_file_nothing_is_declared(tmp_path: Path) -> None:
    assert declared_runs(SATURDAY_BEFORE_SPRING, tmp_path / "prefect.yaml") == ()


@pytest.fixture
def api() -> Iterator[str]:
    """An API that knows of one run, and speaks as Prefect's does."""
    run = {"name": "brave-otter", "expected_start_time": "2026-03-08T10:00:00+00:00", "tags": ["rally", "check"]}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps([run] if self.path == "/api/flow_runs/filter" else {}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()


def test_what_the_api_says_goes_before_what_is_declared(api: str) -> None:
    upcoming = Upcoming(api)
    upcoming.ask()

    (run,) = upcoming.answer
    assert (run.name, run.what, run.source) == ("brave-otter", "rally, check", "Prefect")
    assert upcoming.answer[0].at == datetime(2026, 3, 8, 10, tzinfo=ZoneInfo("UTC"))


def test_an_api_that_is_away_leaves_what_is_declared() -> None:
    upcoming = Upcoming("http://127.0.0.1:1/api")
    upcoming.ask()

    assert upcoming.answer == ()
    assert upcoming.runs(SATURDAY_BEFORE_SPRING)[0].source == "prefect.yaml"
