"""One report about many runs, the same from a flow and from the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from alerts.outbox.enqueue import enqueue_report
from alerts.policy import Policy
from alerts.render import Content
from checks.review.reading import read_book
from checks.review.values import Period, PeriodKind
from flows.service.alerts import dispatch_once, utc
from flows.service.context import open_engine
from flows.service.health_check import rules_of
from flows.settings import Settings

if TYPE_CHECKING:
    from checks.review.section import Review


# what draws and fits takes a second to import, and few commands do either: it is imported where it is used


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report a person wants: of which kind, up to the end of which day (None: now), over how many days."""

    kind: PeriodKind
    until: date | None = None
    days: int | None = None

    @property
    def period(self) -> Period:
        """The time that it is about, in the zone of this machine."""
        now = datetime.now().astimezone()
        if self.until is None or self.until >= now.date():
            return Period.of(self.kind, now, self.days)
        end = datetime.combine(self.until, time(23, 59, 59)).astimezone()
        return Period.of(self.kind, end, self.days)


def make_review(settings: Settings, asked: Asked) -> Review:
    """Read the past and review it; nothing is written."""
    from checks.review.section import review  # noqa: PLC0415

    period = asked.period
    with open_engine(settings, application="rally-health report") as engine, engine.connect() as connection:
        book = read_book(connection, period)
    return review(book, rules_of(settings), period)


def review_html(review: Review) -> str:
    """The report as one HTML file."""
    from checks.review.page import render_html  # noqa: PLC0415

    return render_html(review)


def review_json(review: Review) -> str:
    """The report as JSON."""
    from checks.review.render import review_document  # noqa: PLC0415

    return json.dumps(review_document(review), indent=2, ensure_ascii=False) + "\n"


def review_text(review: Review) -> str:
    """The report as text."""
    from checks.review.render import render_text  # noqa: PLC0415

    return render_text(review)


def keep_review(review: Review, folder: Path) -> tuple[Path, Path]:
    """Write the report as HTML and as JSON below a folder, and return where; one of the same day is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"review_{review.period.kind}_{review.period.until:%Y%m%d}"
    paths = folder / f"{stem}.html", folder / f"{stem}.json"
    for path, text in zip(paths, (review_html(review), review_json(review)), strict=True):
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
