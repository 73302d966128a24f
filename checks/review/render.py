"""A report as plain text, for a terminal and for mail programs that show no HTML, and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checks.documents import plain_value, run_document
from checks.render.terminal import clean
from checks.review.difference import Difference
from checks.review.section import Review, all_sections
from checks.review.time_series import series_document

LONGEST_LINE = 300
MOST_LINES = 20


def render_text(review: Review) -> str:
    """The report as text: what comes first is what matters most."""
    lines: list[str] = [
        f"Rally Data Health, {review.period.kind} report, {review.period}", review.headline, *change_lines(review),
    ]  # fmt: skip
    for title, section_lines in text_sections(review):
        lines += ["", title.upper(), *section_lines]
    return "\n".join(lines) + "\n"


def change_lines(review: Review) -> Iterator[str]:
    """How the score differs from earlier ones, in words."""
    return (f"{name}: {clean(str(difference))}" for name, difference in review.changes)


def text_sections(review: Review) -> Iterator[tuple[str, list[str]]]:
    """The titles of a report with their lines, each clean, cut, and not too many of them; empty ones left out."""
    sections = [(one.title, map(one.text_of, review.of(one)), min(one.most, MOST_LINES)) for one in review.sections]
    for title, lines, most in [*sections, ("Remarks", iter(review.remarks), MOST_LINES)]:
        shown = [_shown(line) for line in lines]
        if shown:
            more = [f"({len(shown) - most:,} more)"] if len(shown) > most else []
            yield title, [*shown[:most], *more]


def _shown(line: str) -> str:
    text = clean(" ".join(line.split()))
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}..."


def review_document(review: Review) -> dict[str, Any]:
    """The document that `report --json` writes; its schema is `checks/schemas/report.schema.json`.

    Sections that a kind of report does not have are there, and empty.
    """
    period = review.period
    return {
        "kind": period.kind.value,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "headline": review.headline,
        "run": None if review.run is None else run_document(review.run),
        "since_last_run": _difference(review.step),
        "since_period_began": _difference(review.change),
        "score_trend": series_document(review.score),
        **{section.key: section.document(review.of(section)) for section in all_sections()},
        "remarks": list(review.remarks),
    }


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    return None if difference is None else plain_value(difference) | {"said": str(difference)}
