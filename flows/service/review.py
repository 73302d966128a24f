"""One report about many runs, the same from a flow and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection

from alerts.outbox.enqueue import enqueue_report
from alerts.policy import Policy
from alerts.render import Content
from checks.review.reading import read_book
from checks.review.surroundings import size_text
from checks.review.values import Period, PeriodKind, SystemFact
from flows.service.alerts import dispatch_once
from flows.service.catalogue import rules_of
from flows.service.context import Invocation, current_invocation, open_engine, utc
from flows.service.ending import Ending, StateName
from flows.service.health_check import require_people
from flows.service.requests import ReviewRequest
from flows.settings import Settings, read_settings

if TYPE_CHECKING:
    from checks.review.section import Review


# what draws and fits takes a second to import, and few commands do either: it is imported where it is used


def period_of(request: ReviewRequest) -> Period:
    """The time that a report is about, on the clock that the leagues live by."""
    zone = read_settings().zone
    now = datetime.now(zone)
    if request.until is None or request.until >= now.date():
        return Period.of(request.kind, now, request.days)
    end = datetime.combine(request.until, time(23, 59, 59), zone)
    return Period.of(request.kind, end, request.days)


AskPrefect: TypeAlias = Callable[[Settings, Period], Iterable[SystemFact]]
"""What Prefect knows of the runs of a period: asked by the bridge, for nothing here knows Prefect."""
FULL = 0.9
"""The share of a disk from which on somebody should look."""


def ask_nobody(settings: Settings, period: Period) -> Iterable[SystemFact]:
    """Where nobody knows Prefect."""
    return ()


def publish_review(invocation: Invocation, request: ReviewRequest, ask_prefect: AskPrefect = ask_nobody) -> Review:
    """Make a report, keep it as HTML and JSON below `settings.reports`, and send it to who is named."""
    settings = invocation.settings
    require_people(settings, request.email)
    review = invocation.step("read and review", lambda: make_review(settings, request, ask_prefect))
    invocation.step("write", lambda: keep_review(review, settings.reports, settings.serve_url))
    if request.email:
        unsent = invocation.step("e-mail", lambda: email_review(settings, review, request.email))
        invocation.outcome.undelivered += unsent
    return review


def of_review(review: Review) -> Ending:
    """The ending of a report about many runs: what the data is like is no matter of it."""
    unsent = current_invocation().outcome.undelivered
    if unsent:
        return Ending(StateName.UNDELIVERED, f"{unsent} e-mails wait in the outbox")
    return Ending(StateName.DONE, review.headline)


def make_review(settings: Settings, request: ReviewRequest, ask_prefect: AskPrefect = ask_nobody) -> Review:
    """Read the history and review it; nothing is written."""
    from checks.review.section import review  # noqa: PLC0415

    period = period_of(request)
    with open_engine(settings, application="rally-health report") as engine, engine.connect() as connection:
        book = read_book(connection, period)
    if period.kind.includes(PeriodKind.WEEKLY):
        book = replace(book, system=(*book.system, *_machine(settings), *ask_prefect(settings, period)))
    return review(book, rules_of(settings), period)


def _machine(settings: Settings) -> Iterator[SystemFact]:
    """The disks that are written to, and where the database runs."""
    folders = {"reports": settings.reports}
    embedded = settings.database_url is None
    if embedded:
        folders["embedded database"] = settings.data
    for what, folder in folders.items():
        there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        disk = disk_usage(there)
        detail = f"of {size_text(disk.total)}, {disk.used / disk.total:.0%} taken"
        yield SystemFact(f"disk of {what}", f"{size_text(disk.free)} free", detail, fine=disk.used < FULL * disk.total)
    yield SystemFact("database", "the embedded server" if embedded else "a server of its own")


def review_html(review: Review, serve_url: str = "") -> str:
    """The report as one HTML file, which leads to the operator's page at `serve_url`."""
    from checks.render.formats import page_links  # noqa: PLC0415
    from checks.review.page import render_html  # noqa: PLC0415

    return render_html(review, page_links(serve_url))


def review_json(review: Review) -> str:
    """The report as JSON."""
    from checks.review.render import review_document  # noqa: PLC0415

    return json.dumps(review_document(review), indent=2, ensure_ascii=False) + "\n"


def review_text(review: Review) -> str:
    """The report as text."""
    from checks.review.render import render_text  # noqa: PLC0415

    return render_text(review)


def keep_review(review: Review, folder: Path, serve_url: str = "") -> tuple[Path, Path]:
    """Write the report as HTML and as JSON below a folder, and return where; one of the same day is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"review_{review.period.kind}_{review.period.until:%Y%m%d}"
    paths = folder / f"{stem}.html", folder / f"{stem}.json"
    for path, text in zip(paths, (review_html(review, serve_url), review_json(review)), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def email_review(settings: Settings, review: Review, to: Sequence[str]) -> int:
    """Send the report by e-mail to people of the policy, and return how many messages could not be sent yet."""
    from checks.review.page import render_mail  # noqa: PLC0415

    subject = f"[Rally] {review.period.kind} report, {review.headline}"
    content = Content(subject, review_text(review), render_mail(review))

    def put(connection: Connection, policy: Policy) -> Sequence[int]:
        return enqueue_report(connection, policy, content, utc(), to=to)

    done = dispatch_once(settings, put)
    return done.dead + done.waiting
