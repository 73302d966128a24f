"""The flow of every night: import, then check; a gate that says stop stops it there."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flows.bridge.flow_run import as_subflow, run_body
from flows.health_check import health_check
from flows.import_feeds import import_feeds
from flows.service.context import Invocation
from flows.service.nightly import Night, of_night, run_night
from flows.service.requests import NightRequest


@flow(name="nightly", flow_run_name="night")
def nightly(request: NightRequest = NightRequest()) -> State[Night]:
    """Import the feeds of the night, then run the rules; each is a flow run of its own inside this one.

    Where a feed was blocked or could not be read, nothing is checked. In between, the fixes that RALLY_AUTO_FIX allows
    are made; the health check's report names them.

    Final states: Blocked, Refused (FAILED), or those of the health check.
    """

    def body(invocation: Invocation) -> Night:
        return run_night(invocation, request, as_subflow(import_feeds), as_subflow(health_check))

    return run_body(body, of_night)
