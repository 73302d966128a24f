"""A person's approval, asked for while the flow run is paused.

Prefect's own `pause_flow_run` leaves the end of the wait to the server, which marks the run as Failed when the time is
up. That nobody answered is no failure here: the run waits by itself, and goes on before the server would act.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.input import RunInput
from prefect.input.actions import create_flow_run_input, read_flow_run_input
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Paused, Running
from pydantic import Field, create_model

from etl.repairs.ledger import Repair
from flows.bridge import artifacts
from flows.bridge.flow_run import RunFailed, patiently, tell
from flows.service.repair import Answer, plans_table, question

GRACE_SECONDS = 120
"""How much longer than the run the server waits: its Failed is for a process that died while it waited."""
POLL_SECONDS = 2.0
NAME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
WHICH = "The plans to apply. With none of them all stay planned, and nothing is changed."
WHO = "Your name: the ledger of repairs keeps who approved. Prefect stores it as well."


class Approval(RunInput):
    """What a person decides about planned repairs."""

    approve: list[int] = Field(default_factory=list, description=WHICH)
    who: str = Field(min_length=1, max_length=80, pattern=NAME, description=WHO)


def approval_of(plans: Sequence[int]) -> type[Approval]:
    """The form for these plans: no other one can be chosen."""
    number: Any = Literal[tuple(plans)]
    chosen: Any = (list[number], Field(default_factory=list, description=WHICH))
    return create_model("Approval", __base__=Approval, approve=chosen)


def ask_person(ready: Sequence[Repair], seconds: float) -> Answer | None:
    """Show plans in an artifact, and pause this flow run until a person says which of them to make."""
    key, what = artifacts.key("plans"), "What waits for an approval"
    tell(lambda: create_table_artifact(plans_table(ready), key=key, description=what))
    said = ask(approval_of([plan.id for plan in ready]), question(ready), seconds)
    return Answer(tuple(said.approve), said.who.strip()) if said else None


def ask(form: type[Approval], text: str, seconds: float) -> Approval | None:
    """Pause this flow run until its form is filled in; None where nobody did in time, or somebody ended the run.

    `text` (Markdown) stands above the form. The caller holds no transaction and no lock meanwhile.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RunFailed("only a flow run can ask a person; see rally-health fix apply")
    run = context.flow_run.id
    with get_client(sync_client=True) as client:
        response = _pause(client, run, form, text, seconds)
        if not _left(client, run, seconds):
            patiently(lambda: client.set_flow_run_state(run, Running()))
    # looked for in any case: somebody may have answered in the last moment
    answer = patiently(lambda: read_flow_run_input(response, flow_run_id=run))
    return form.model_validate(answer) if answer else None


def _pause(client: SyncPrefectClient, run: UUID, form: type[Approval], text: str, seconds: float) -> str:
    """Pause the run, and return the key under which the answer will be found."""
    # a key of its own: a run that is started again asks again, and takes no answer of before
    state: Any = Paused(timeout_seconds=int(seconds + GRACE_SECONDS), pause_key=uuid4().hex)
    keys = state.state_details.run_input_keyset = keyset_from_paused_state(state)
    result = patiently(lambda: client.set_flow_run_state(run, state))
    if result.status is not SetStateStatus.ACCEPT:
        raise RunFailed("Prefect does not let this run pause")
    # After the pause: from 3.9 on a server forgets what stood under these keys before. Each of the two by itself, for
    # what is there already cannot be written again; the form last, for without it every answer is rejected.
    patiently(lambda: create_flow_run_input(keys["description"], text, run))
    patiently(lambda: form.save(keys, run))
    return keys["response"]


def _left(client: SyncPrefectClient, run: UUID, seconds: float) -> bool:
    """Whether the run leaves the pause before the time is up; an API that is away for a while is waited for."""
    deadline = time.monotonic() + seconds
    while (remaining := deadline - time.monotonic()) > 0:
        time.sleep(min(POLL_SECONDS, remaining))
        with suppress(httpx.HTTPError, PrefectHTTPStatusError):
            state = client.read_flow_run(run).state
            if state is not None and not state.is_paused():
                return True
    return False
