"""A long import shows how far it is, and ends full."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect import flow
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from etl.feeds import Feed
from etl.kinds.schedules import SCHEDULES
from flows.bridge.task_runs import shown_in_prefect
from flows.service.context import Invocation, invoked
from flows.settings import Settings
from tests.flows.bridge.command import Command
from tests.flows.bridge.stage import Stage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("after", "shown"), [(0.0, {"rally-progress-schedules": 100.0}), (60.0, {})])
def test_a_feed_that_takes_long_has_a_bar(  # noqa: PLR0917 - fixtures and the case
    command: Command,
    prefect_api: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: float,
    shown: dict[str, float],
) -> None:
    monkeypatch.setattr("flows.bridge.task_runs.EVERY_SECONDS", after)
    path = tmp_path / "schedules.json"
    path.write_text("[" + " " * 98 + "]")
    feed = Feed(path, SCHEDULES, "CITA")

    @flow
    def importing() -> str:
        with shown_in_prefect(lambda feed, count: None) as told:
            told(feed, 50)
            told(feed, 50)
        context = FlowRunContext.get()
        assert context is not None
        assert context.flow_run is not None
        return str(context.flow_run.id)

    quiet = {PREFECT_API_URL: prefect_api, PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(quiet), invoked(Invocation(Settings())):
        run = importing()

    left = Stage(prefect_api, command).artifacts(run)
    assert {key: float(one["data"]) for key, one in left.items()} == shown
