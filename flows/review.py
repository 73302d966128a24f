"""The flow that writes the reports about many runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext

from checks.render.formats import plain
from checks.review.values import PeriodKind
from flows.bridge import artifacts
from flows.bridge.flow_run import call, run_body
from flows.service.context import Surroundings, surroundings
from flows.service.ending import Ending, StateName
from flows.service.review import Asked, email_review, keep_review, make_review

if TYPE_CHECKING:
    from checks.review.section import Review


@flow(name="review", flow_run_name="{kind} report")
def review(
    kind: PeriodKind = PeriodKind.WEEKLY,
    *,
    until: date | None = None,
    days: int | None = None,
    email: list[str] | None = None,
) -> State[Review]:
    """Write a report as HTML and JSON below RALLY_REPORTS, and send it to the people of the alert policy in `email`.

    A weekly report looks back on 7 days, a monthly one on 30, a quarterly one on 91; `days` looks back on others, and
    `until` is the last day, today without.

    Final states: Done, Undelivered (FAILED: an e-mail could not be sent yet).
    """

    def body(around: Surroundings) -> Review:
        made = call("read and review", lambda: make_review(around.settings, Asked(kind, until, days)))
        call("write", lambda: keep_review(made, around.settings.reports))
        if email:
            around.kept.undelivered += call("e-mail", lambda: email_review(around.settings, made, email))
        return made

    return run_body(body, of_review, show_review)


def of_review(made: Review) -> Ending:
    """The ending of a review: what the data is like is no matter of it."""
    unsent = surroundings().kept.undelivered
    if unsent:
        return Ending(StateName.UNDELIVERED, f"{unsent} e-mails wait in the outbox")
    return Ending(StateName.DONE, made.headline)


def show_review(made: Review) -> None:
    """Show the report in Prefect: its headline, and a link to the page."""
    if FlowRunContext.get() is None:
        return
    # sections know what draws and fits, which takes a second to import
    from checks.review.sections.figures import DAILY_FIGURES  # noqa: PLC0415
    from checks.review.sections.process import PROCESS_METRICS  # noqa: PLC0415

    kind = made.period.kind.value
    lines = [f"# {plain(made.headline)}", "", f"{kind} report, {made.period}", ""]
    lines += [f"- {plain(str(metric.figure))}" for metric in made.of(DAILY_FIGURES)]
    lines += [f"- {plain(str(figure))}" for figure in made.of(PROCESS_METRICS)]
    create_markdown_artifact("\n".join(lines), key=artifacts.key("review", kind), description=made.headline)
    page = f"review_{kind}_{made.period.until:%Y%m%d}.html"
    create_link_artifact(
        _link(page), "The report", key=artifacts.key("review-page", kind), description=f"{kind} report"
    )


def _link(page: str) -> str:
    settings = surroundings().settings
    if settings.reports_url:
        return f"{settings.reports_url.rstrip('/')}/{page}"
    return (Path(settings.reports) / page).absolute().as_uri()
