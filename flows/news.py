"""Events about incidents: what a run opened, worsened or closed, as the database has it."""

from __future__ import annotations

from typing import Any

from prefect.events import emit_event
from sqlalchemy import Engine, Row, select

from etl.tables import incident_events, incidents


def emit_incidents(engine: Engine, run: str) -> None:
    """Send an event for each incident that a run touched."""
    events, own = incident_events.c, incidents.c
    columns = (events.kind, own.id, own.rule, own.parameter, own.severity, own.status)
    told = select(*columns).join_from(incident_events, incidents).where(events.run == run).order_by(events.id)
    with engine.begin() as connection:
        rows = connection.execute(told).all()
    for row in rows:
        _emit(row)


def _emit(row: Row[Any]) -> None:
    resource = {"prefect.resource.id": f"rally.rule.{row.rule}", "rally.severity": row.severity}
    payload = {"incident": row.id, "rule": row.rule, "parameter": row.parameter, "status": row.status}
    emit_event(f"rally.incident.{row.kind}", resource, payload=payload)
