"""Governance: who accepted, allowed, stopped, repaired or acknowledged what, since when, and what of it still holds."""

from __future__ import annotations

from checks.review.section import CellKind, Section, SectionColumn
from checks.review.values import Deed, PeriodKind, ReviewInputs

LASTING = {"waived", "stopped imports"}
"""What holds until somebody ends it, or its day is over."""


def _holds(deed: Deed, inputs: ReviewInputs) -> bool:
    over = deed.ended_at is not None or (deed.until is not None and deed.until < inputs.period.until.date())
    return deed.kind in LASTING and not over


def _deeds(inputs: ReviewInputs) -> tuple[Deed, ...]:
    """What was done or ended in the period, and what was done before it and still holds; the newest first."""
    period = inputs.period
    return tuple(
        deed for deed in reversed(inputs.book.deeds)
        if period.covers(deed.at) or period.covers(deed.ended_at) or _holds(deed, inputs)
    )  # fmt: skip


def _end(deed: Deed) -> str:
    if deed.ended_at is not None:
        return f"ended {deed.ended_at:%Y-%m-%d %H:%M} by {deed.ended_by or 'unknown'}"
    return "" if deed.until is None else f"until {deed.until}"


def _line(deed: Deed) -> str:
    end = _end(deed)
    return f"{deed.at:%Y-%m-%d %H:%M} {deed.by} {deed.kind} {deed.what}: {deed.reason}{f'; {end}' if end else ''}"


GOVERNANCE = Section(
    key="governance", anchor="governance", title="Governance", place=148, shortest=PeriodKind.WEEKLY,
    empty="Nothing was accepted, allowed, stopped, repaired or acknowledged.", rows=_deeds,
    caption="Who did what in this period, and what still holds of earlier days; the newest first",
    columns=(
        SectionColumn("what", lambda deed: deed.what, CellKind.NAME),
        SectionColumn("done", lambda deed: deed.kind),
        SectionColumn("since", lambda deed: f"{deed.at:%Y-%m-%d %H:%M}"),
        SectionColumn("by", lambda deed: deed.by),
        SectionColumn("end", _end),
        SectionColumn("why", lambda deed: deed.reason, CellKind.MUTED),
    ),
    line=_line,
)  # fmt: skip
