"""From when until when: how every history is narrowed to a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """The moments from `since` to `until`, both included; None is not bounded."""

    since: datetime | None = None
    until: datetime | None = None


EVER = TimeSpan()


def within(moment: ColumnElement[Any], span: TimeSpan) -> Iterator[ColumnElement[bool]]:
    """The conditions that a column's moment lies in a span; none for all time."""
    if span.since is not None:
        yield moment >= span.since
    if span.until is not None:
        yield moment <= span.until
