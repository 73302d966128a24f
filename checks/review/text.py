"""A review as plain text, for a terminal and for mail programs that show no HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from checks.engine.authoring.units import Measure, figure_text
from checks.render.terminal import clean
from checks.review.build import Review, SegmentReview
from checks.review.values import Episode

LONGEST_LINE = 300
MOST_LINES = 20


def render_text(review: Review) -> str:
    """The report as text: what is told first is what matters most."""
    lines: list[str] = [
        f"Rally Data Health, {review.period.kind} report, {review.period}", review.headline, *changes(review),
    ]  # fmt: skip
    for title, own in sections(review):
        lines += ["", title.upper(), *own]
    return "\n".join(lines) + "\n"


def sections(review: Review) -> Iterator[tuple[str, list[str]]]:
    """The titles of a report with their lines, each clean, cut, and not too many of them; empty ones left out."""
    for title, own in _sections(review):
        told = [_shown(line) for line in own]
        if told:
            yield title, [*told[:MOST_LINES], *([f"({len(told) - MOST_LINES} more)"] if len(told) > MOST_LINES else [])]


def _sections(review: Review) -> Iterator[tuple[str, Iterable[str]]]:
    yield "Daily figures", (f"{one.figure}; {one.course.said}" for one in review.measures)
    yield "By domain", _parts(review.domains)
    yield "By league", _parts(review.leagues)
    yield "What to look at", (
        f"{line.reading.status:8} {line.reading.title}  {line.error or line.measurement}  -{line.reading.points}  "
        f"{line.summary}" for line in review.trouble
    )  # fmt: skip
    yield "Process", (f"{figure}: {figure.detail}" for figure in review.process)
    yield "Imports", (
        f"{one.kind} of {one.league}: {one.imports} imports, {one.blocked + one.failed} refused, {one.rows:,} rows, "
        f"{one.rejects:,} rejects, {one.unlinked:,} unlinked" for one in review.feeds
    )  # fmt: skip
    yield "Incidents", (_episode(one) for one in reversed(review.episodes))
    yield "Trends", (f"{one.title} {one.said}{f'; {one.forecast}' if one.forecast else ''}" for one in review.courses)
    yield "Out of the ordinary", (
        f"{one.at:%Y-%m-%d} {one.title}: {one.value:,.4g}, usually {one.usual:,.4g}" for one in review.anomalies
    )  # fmt: skip
    yield "Again and again", (f"{one.title}: {one.said}" for one in review.recurring)
    yield "Thresholds to think about", (
        f"{one.rule}: {one.why}; {one.now} alerted {one.alerts_now} of {one.nights} times, {one.proposed} would "
        f"have {one.alerts_then} times" for one in review.proposals
    )  # fmt: skip
    yield "Compliance by owner", (f"{one.name}: {one.good:,} of {one.whole:,} results" for one in review.owners)
    yield "Risks", _risks(review)
    yield "Remarks", review.remarks


def changes(review: Review) -> Iterator[str]:
    """How the score differs from earlier ones, in words."""
    if review.step is not None:
        yield f"Since the last run: {clean(str(review.step))}"
    if review.change is not None:
        yield f"Since before this period: {clean(str(review.change))}"


def _parts(parts: Sequence[SegmentReview]) -> Iterator[str]:
    for part in parts:
        was = "" if part.before in {None, part.score} else f", was {part.before}"
        yield f"{part.name}: {'unknown' if part.score is None else part.score}{was}"


def _episode(one: Episode) -> str:
    ended = "open" if one.ended is None else f"ended after {_span(one.ended - one.began)}"
    told = f"told after {_span(one.told - one.began)}" if one.told else "not told"
    return f"{one.worst:8} {one.title} #{one.incident}, {one.began:%Y-%m-%d %H:%M}, {told}, {ended}"


def _risks(review: Review) -> Iterator[str]:
    found = review.risks
    if found is not None:
        yield f"never fired: {', '.join(found.never_fired) or 'none'}"
        yield f"always fire: {', '.join(found.always_fire) or 'none'}"
        yield f"never measured: {len(found.never_measured)} rules"
        yield f"tables that no rule reads: {', '.join(found.unwatched_tables) or 'none'}"
        for name, columns in found.unwatched_columns.items():
            yield f"columns of {name} that no rule reads: {', '.join(columns)}"


def _span(span: timedelta) -> str:
    return figure_text(span / timedelta(hours=1), Measure.HOURS)


def _shown(line: str) -> str:
    text = clean(" ".join(line.split()))
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}..."
