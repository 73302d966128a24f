"""The flow that writes the reports about many runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.bridge.artifacts import show_review
from flows.bridge.flow_run import run_body
from flows.service.context import Invocation
from flows.service.requests import ReviewRequest
from flows.service.review import of_review, publish_review

if TYPE_CHECKING:
    from checks.review.section import Review


@flow(name="review", flow_run_name="report of a period")
def review(request: ReviewRequest = ReviewRequest()) -> State[Any]:
    """Write a report as HTML and JSON below RALLY_REPORTS, and send it to people of the alert policy.

    Final states: Done, Undelivered (FAILED: an e-mail could not be sent yet).
    """

    def body(invocation: Invocation) -> Review:
        return publish_review(invocation, request)

    return run_body(body, of_review, show_review)
