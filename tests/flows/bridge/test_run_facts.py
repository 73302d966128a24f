"""What a report says of the runs that Prefect knows: a real server, with runs that went wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from checks.review.values import Period, PeriodKind
from flows.bridge.deploy import DEPLOYMENT_TAG, client
from flows.bridge.doctor import run_facts


@flow(name="run-facts")
def nothing() -> None:
    """A flow to have runs of."""


@pytest.mark.slow
def test_runs_that_failed_or_crashed_in_the_period_are_counted_by_name(prefect_api: str) -> None:
    ended = datetime.now(UTC)
    with temporary_settings({PREFECT_API_URL: prefect_api}), client() as api:
        for name, kind in (("night", StateType.FAILED), ("night", StateType.CRASHED), ("watch", StateType.COMPLETED)):
            run = api.create_flow_run(nothing, name=f"facts of the {name}", tags=[DEPLOYMENT_TAG])
            api.set_flow_run_state(run.id, State(type=StateType.RUNNING), force=True)
            api.set_flow_run_state(run.id, State(type=kind), force=True)
        now = {fact.what: fact for fact in run_facts(Period.of(PeriodKind.DAILY, ended + timedelta(minutes=5)))}
        before = {fact.what: fact for fact in run_facts(Period.of(PeriodKind.DAILY, ended - timedelta(days=400)))}

    assert "facts of the night 2" in now["Prefect's runs"].detail
    assert "watch" not in now["Prefect's runs"].detail
    assert now["Prefect's runs"].fine is False
    assert before["Prefect's runs"].said == "0 failed, 0 crashed, 0 cancelled"
    assert now["Prefect's late runs"].said.endswith("waiting for more than ten minutes")
