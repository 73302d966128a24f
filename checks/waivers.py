"""Waivers as they are kept: added, listed, withdrawn. Nothing is deleted: somebody will ask who accepted what."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import Connection, Text, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from checks.engine.authoring import WaiverError
from checks.engine.judging.findings import fingerprint, key_text_of, key_values_of
from checks.engine.judging.judge import Waiver
from etl.tables import check_findings, waivers


def waive(connection: Connection, waiver: Waiver, key: str | None, *, today: date) -> Waiver:
    """Keep a waiver, of one bad row when `key` names one. Raises WaiverError for an end that is over, or an odd key.

    `key` is a fingerprint (16 hexadecimal digits) as reports show it, or the row's key as JSON, an object or an array.
    """
    if waiver.expired(today):
        raise WaiverError(f"a waiver until {waiver.until} is over today, {today}; choose a later day")
    marked, text = (None, "") if key is None else _identified(connection, waiver.rule, key)
    row = {
        "rule": waiver.rule,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until,
        "fingerprint": marked,
        "key": text,
    }
    return _waiver(connection.execute(waivers.insert().values(row).returning(*waivers.c)).one())


def active_waivers(connection: Connection, rule: str | None = None) -> tuple[Waiver, ...]:
    """All waivers that were not withdrawn, those that are over too: someone has to look at them."""
    chosen = select(waivers).where(waivers.c.withdrawn_at.is_(None)).order_by(waivers.c.until, waivers.c.id)
    rows = connection.execute(chosen if rule is None else chosen.where(waivers.c.rule == rule))
    return tuple(_waiver(row) for row in rows)


def withdraw(connection: Connection, number: int) -> Waiver:
    """Withdraw a waiver; raises WaiverError when there is none of that number."""
    own = (waivers.c.id == number) & waivers.c.withdrawn_at.is_(None)
    row = connection.execute(update(waivers).where(own).values(withdrawn_at=func.now()).returning(*waivers.c)).first()
    if row is None:
        known = ", ".join(str(waiver.id) for waiver in active_waivers(connection)) or "none"
        raise WaiverError(f"there is no waiver {number}; there are {known}")
    return _waiver(row)


def _identified(connection: Connection, rule: str, key: str) -> tuple[int, str]:
    try:
        marked = key_values_of(key)
    except ValueError:
        return _by_parts(connection, rule, key)
    own = (check_findings.c.rule == rule) & (check_findings.c.fingerprint == marked)
    found = connection.execute(select(check_findings.c.key).where(own)).scalar()
    return marked, key_text_of(marked) if found is None else json.dumps(found, ensure_ascii=False)


def _by_parts(connection: Connection, rule: str, key: str) -> tuple[int, str]:
    try:
        parts: Any = json.loads(key)
    except ValueError:
        raise WaiverError(f"the key {key!r} is neither a fingerprint of 16 digits nor JSON") from None
    values = list(parts.values()) if isinstance(parts, dict) else parts
    if not isinstance(values, list) or not values:
        raise WaiverError(f"the key {key!r} names no row; expected a JSON object or array as reports show it")
    # written by the database, as the key of a bad row is: both give the same text
    text = connection.execute(select(cast(literal(values, JSONB), Text))).scalar_one()
    return fingerprint(rule, text), key


def _waiver(row: Any) -> Waiver:
    names = ("id", "rule", "owner", "reason", "until", "fingerprint", "key")
    return Waiver(**{name: getattr(row, name) for name in names})
