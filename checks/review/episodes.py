"""Incidents as episodes: from each beginning to its end, with the first message and the first answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from checks.engine.levels import Severity, Status
from checks.review.values import Episode
from etl.tables import deliveries, delivery_incidents, incident_events, incidents

BEGINS = {"opened", "reopened"}
ENDS = "resolved"
ANSWERS = "acknowledged"


def read_episodes(connection: Connection, since: datetime, until: datetime) -> tuple[Episode, ...]:
    """The episodes of incidents that were open at some time between the two moments, oldest first."""
    own = incidents.c
    alive = own.opened_at <= until, or_(own.resolved_at.is_(None), own.resolved_at > since)
    rows = connection.execute(select(incidents).where(*alive).order_by(own.opened_at, own.id)).all()
    numbers = [row.id for row in rows]
    events, sent = _events(connection, numbers, until), _sent(connection, numbers, until)
    found = [episode for row in rows for episode in _episodes(row, events.get(row.id, ()), sent.get(row.id, ()), until)]
    return tuple(sorted((one for one in found if one.ended is None or one.ended > since), key=lambda one: one.began))


def _events(connection: Connection, numbers: Sequence[int], until: datetime) -> dict[int, list[tuple[datetime, str]]]:
    own = incident_events.c
    chosen = select(own.incident_id, own.at, own.kind).where(own.incident_id.in_(numbers), own.at <= until)
    found: dict[int, list[tuple[datetime, str]]] = {}
    for number, at, kind in connection.execute(chosen.order_by(own.at, own.id)):
        found.setdefault(number, []).append((at.astimezone(until.tzinfo), kind))
    return found


def _sent(connection: Connection, numbers: Sequence[int], until: datetime) -> dict[int, list[datetime]]:
    about, own = delivery_incidents.c, deliveries.c
    chosen = select(about.incident_id, own.sent_at).join(deliveries, own.id == about.delivery_id)
    wanted = chosen.where(about.incident_id.in_(numbers), own.sent_at <= until).order_by(own.sent_at)
    found: dict[int, list[datetime]] = {}
    for number, at in connection.execute(wanted):
        found.setdefault(number, []).append(at.astimezone(until.tzinfo))
    return found


def _episodes(
    row: Any, events: Sequence[tuple[datetime, str]], sent: Sequence[datetime], until: datetime
) -> list[Episode]:
    own: list[Episode] = []
    for at, kind in events:
        if kind in BEGINS:
            own.append(_begun(row, at))
        elif own and kind == ENDS:
            own[-1] = replace(own[-1], ended=own[-1].ended or at, resolution=row.resolution or "")
        elif own and kind == ANSWERS:
            own[-1] = replace(own[-1], answered=own[-1].answered or at)
    # an incident of another writer than ours may come without its story
    own = own or [_told_by_itself(row, until)]
    return [replace(one, told=_first(sent, one)) for one in own]


def _begun(row: Any, at: datetime) -> Episode:
    return Episode(
        incident=row.id, rule=row.rule, parameter=row.parameter, domain=row.domain, severity=Severity(row.severity),
        worst=Status(row.worst), began=at,
    )  # fmt: skip


def _told_by_itself(row: Any, until: datetime) -> Episode:
    answered, ended = (
        None if at is None or at > until else at.astimezone(until.tzinfo)
        for at in (row.acknowledged_at, row.resolved_at)
    )
    begun = _begun(row, row.opened_at.astimezone(until.tzinfo))
    return replace(begun, ended=ended, answered=answered, resolution=row.resolution or "" if ended else "")


def _first(sent: Sequence[datetime], episode: Episode) -> datetime | None:
    return next((at for at in sent if at >= episode.began and (episode.ended is None or at <= episode.ended)), None)
