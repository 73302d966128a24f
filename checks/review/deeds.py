"""The audit trail: who accepted, allowed, stopped, repaired or acknowledged what, and since when, out of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from checks.engine.authoring.units import figure_text, number_of
from checks.engine.reporting.report import title_of
from checks.review.values import Deed
from checks.stored import clock_of
from etl.tables import acceptances, import_feeds, import_stops, incident_events, incidents, rejects, repairs, waivers

UNKNOWN = "unknown"
BY_HAND = ("acknowledged", "assigned", "noted", "resolved")
"""Events of an incident that a person causes; other resolutions have no actor."""


def read_deeds(connection: Connection, until: datetime) -> Iterator[Deed]:
    """Everything that people did up to a moment, oldest first, its moments in the time zone of `until`."""
    readers = (_waivers, _acceptances, _stops, _repairs, _events, _settled)
    deeds = [deed for reader in readers for deed in reader(connection, until)]
    yield from sorted(deeds, key=lambda deed: (deed.at, deed.kind, deed.what))


def _waivers(connection: Connection, until: datetime) -> Iterator[Deed]:
    clock = clock_of(until)
    for row in connection.execute(select(waivers).where(waivers.c.created_at <= until)):
        ended = if_over(row.withdrawn_at, until)
        yield Deed(
            at=clock(row.created_at), by=row.created_by or UNKNOWN, kind="waived", until=row.until,
            what=f"{row.rule} {row.key}".strip(), reason=f"{row.owner}: {row.reason}", ended_at=ended,
            ended_by=row.withdrawn_by or UNKNOWN if ended else "",
        )  # fmt: skip


def _acceptances(connection: Connection, until: datetime) -> Iterator[Deed]:
    clock = clock_of(until)
    for row in connection.execute(select(acceptances).where(acceptances.c.accepted_at <= until)):
        usual = "nothing to measure" if row.value is None else figure_text(row.value, None)
        what = f"{title_of(row.rule, row.parameter)}: {usual} is usual"
        yield Deed(at=clock(row.accepted_at), by=row.accepted_by, kind="accepted", what=what, reason=row.reason)


def _stops(connection: Connection, until: datetime) -> Iterator[Deed]:
    clock = clock_of(until)
    for row in connection.execute(select(import_stops).where(import_stops.c.at <= until)):
        ended = if_over(row.resumed_at, until)
        yield Deed(
            at=clock(row.at), by=row.by, kind="stopped imports", reason=row.reason, ended_at=ended,
            what=" of ".join(filter(None, [row.kind, row.league])) or "all imports",
            ended_by=row.resumed_by or "" if ended else "",
        )  # fmt: skip


def _repairs(connection: Connection, until: datetime) -> Iterator[Deed]:
    clock = clock_of(until)
    for row in connection.execute(select(repairs).where(repairs.c.applied_at <= until)):
        ended = if_over(row.undone_at, until)
        yield Deed(
            at=clock(row.applied_at), by=row.applied_by or UNKNOWN, kind="repaired", reason=row.summary, ended_at=ended,
            what=f"{row.rule or row.kind} #{row.id}", ended_by=row.undone_by or "" if ended else "",
        )  # fmt: skip


def _events(connection: Connection, until: datetime) -> Iterator[Deed]:
    events, clock = incident_events.c, clock_of(until)
    columns = events.at, events.actor, events.kind, events.text, incidents.c.rule, incidents.c.parameter, incidents.c.id
    chosen = select(*columns).join(incidents, incidents.c.id == events.incident_id)
    by_hand = events.kind.in_(BY_HAND), events.actor != "", events.at <= until
    for at, actor, kind, text, rule, parameter, number in connection.execute(chosen.where(*by_hand)):
        what = f"incident #{number} of {title_of(rule, parameter)}"
        yield Deed(at=clock(at), by=actor, kind=kind, what=what, reason=text)


def _settled(connection: Connection, until: datetime) -> Iterator[Deed]:
    """Refused rows that a person settled, those of one decision together."""
    row, clock = rejects.c, clock_of(until)
    same = row.resolved_at, row.settled_by, row.settled_reason, import_feeds.c.kind, import_feeds.c.league
    chosen = select(*same, func.count()).join(import_feeds).where(row.settled_by.is_not(None), row.resolved_at <= until)
    for at, by, reason, kind, league, number in connection.execute(chosen.group_by(*same)):
        what = f"{number_of(number, 'rejects')} of {kind} of {league}"
        yield Deed(at=clock(at), by=by, kind="settled", what=what, reason=reason)


def if_over(at: Any, until: datetime) -> datetime | None:
    """The moment in the zone of `until`; None where it has not come by then."""
    return None if at is None or at > until else at.astimezone(until.tzinfo)
