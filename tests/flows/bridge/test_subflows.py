"""What a flow inside another one has done counts, whatever Prefect makes of its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prefect.exceptions import Abort, PrefectHTTPStatusError

from etl import FeedError
from flows.bridge.flow_run import as_subflow, run_body
from flows.service.context import Invocation
from flows.service.ending import Ending, StateName
from flows.settings import Settings

ANSWER = httpx.Response(500, request=httpx.Request("POST", "http://127.0.0.1/api/flow_runs/1/set_state"))
BROKEN = PrefectHTTPStatusError("broken", request=ANSWER.request, response=ANSWER)


@dataclass
class Shaky:
    """A flow whose run cannot begin, or whose end cannot be told."""

    before: BaseException | None = None
    after: BaseException | None = None
    work: Callable[[], str] = lambda: "done in a run of its own"
    name: str = "shaky"

    def __call__(self, request: str, *, return_state: bool) -> Any:
        if self.before is not None:
            raise self.before
        state = run_body(lambda invocation: self.work(), lambda result: Ending(StateName.CRITICAL, result))
        if self.after is not None:
            raise self.after
        return state


def run(flow: Shaky) -> str:
    inside = as_subflow(flow, lambda invocation, request: f"{request} plainly")  # type: ignore[arg-type]  # acts as one
    return inside(Invocation(Settings()), "done")


@pytest.mark.parametrize("trouble", [BROKEN, httpx.ReadTimeout("slow"), Abort("this run is COMPLETED")], ids=repr)
def test_a_final_state_that_could_not_be_told_costs_the_outer_run_nothing(trouble: BaseException) -> None:
    """A night ended as Failed, by a busy API, after its health check had been stored as Critical."""
    assert run(Shaky(after=trouble)) == "done in a run of its own"


def test_a_run_that_cannot_begin_is_done_plainly() -> None:
    assert run(Shaky(before=BROKEN)) == "done plainly"


def test_a_run_that_prefect_refuses_is_not_done() -> None:
    with pytest.raises(Abort):
        run(Shaky(before=Abort("somebody cancelled it")))


def test_an_error_of_the_work_itself_is_that_of_the_outer_run() -> None:
    def work() -> str:
        raise FeedError("no feed")

    with pytest.raises(FeedError, match="no feed"):
        run(Shaky(work=work, after=BROKEN))
