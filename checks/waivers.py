"""Waivers as they are kept: added, listed, withdrawn. Nothing is deleted: somebody will ask who accepted what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, Text, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from checks.engine.authoring import WaiverError
from checks.engine.judging.findings import fingerprint, key_text_of, key_values_of
from checks.engine.judging.judge import Waiver
from etl.tables import check_findings, check_states, waivers

MOST_NEAREST = 3


def waive(connection: Connection, waiver: Waiver, key: str | None, *, today: date) -> Waiver:
    """Keep a waiver, of one bad row when `key` names one.

    `key` is a fingerprint (16 hexadecimal digits) as reports show it, or the row's key as JSON, an object or an array.
    Raises WaiverError for an end that is over, an odd key, and a key of no row that is bad now: it names the nearest.
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
        "created_by": waiver.created_by or None,
    }
    return _waiver(connection.execute(waivers.insert().values(row).returning(*waivers.c)).one())


def active_waivers(connection: Connection, rule: str | None = None) -> tuple[Waiver, ...]:
    """All waivers that were not withdrawn, those that are over too: someone has to look at them."""
    chosen = select(waivers).where(waivers.c.withdrawn_at.is_(None)).order_by(waivers.c.until, waivers.c.id)
    rows = connection.execute(chosen if rule is None else chosen.where(waivers.c.rule == rule))
    return tuple(_waiver(row) for row in rows)


def withdraw(connection: Connection, number: int, by: str = "") -> Waiver:
    """Withdraw a waiver, and record who did; raises WaiverError when there is none of that number."""
    this = (waivers.c.id == number) & waivers.c.withdrawn_at.is_(None)
    changes = {"withdrawn_at": func.now(), "withdrawn_by": by or None}
    row = connection.execute(update(waivers).where(this).values(changes).returning(*waivers.c)).first()
    if row is None:
        numbers = ", ".join(str(waiver.id) for waiver in active_waivers(connection)) or "none"
        raise WaiverError(f"there is no waiver {number}; there are {numbers}, see rally-health waive")
    return _waiver(row)


def _identified(connection: Connection, rule: str, key: str) -> tuple[int, str]:
    try:
        marked = key_values_of(key)
    except ValueError:
        marked = _fingerprint_of(connection, rule, key)
    keys = _bad_now(connection, rule)
    if marked in keys:
        return marked, json.dumps(keys[marked], ensure_ascii=False)
    if _all_listed(connection, rule):
        raise WaiverError(f"the key {key!r} names no bad row of {rule}; {_nearest(key, keys)}")
    return marked, key


LONGEST_SHOWN = 80


def _fingerprint_of(connection: Connection, rule: str, key: str) -> int:
    try:
        parts: Any = json.loads(key)
    except (ValueError, RecursionError):
        shown = key if len(key) <= LONGEST_SHOWN else f"{key[:LONGEST_SHOWN]}…"
        raise WaiverError(f"the key {shown!r} is neither a fingerprint of 16 digits nor JSON") from None
    values = list(parts.values()) if isinstance(parts, dict) else parts
    if not isinstance(values, list) or not values:
        raise WaiverError(f"the key {key!r} names no row; expected a JSON object or array as reports show it")
    # written by the database, as the key of a bad row is: both give the same text
    text = connection.execute(select(cast(literal(values, JSONB), Text))).scalar_one()
    return fingerprint(rule, text)


def _bad_now(connection: Connection, rule: str) -> dict[int, Any]:
    """The keys of the rows that are bad by the newest run of a rule, as far as they are listed, by fingerprint."""
    findings = check_findings.c
    chosen = select(findings.fingerprint, findings.key).where(findings.rule == rule, findings.fixed_at.is_(None))
    return {row.fingerprint: row.key for row in connection.execute(chosen.order_by(findings.fingerprint))}


def _all_listed(connection: Connection, rule: str) -> bool:
    """Whether every bad row of a rule is listed; of very many only some are, and the others can be waived too."""
    states = check_states.c
    sketched = select(states.rule).where(states.rule == rule, states.sketch.is_not(None))
    return connection.execute(sketched.limit(1)).first() is None


def _nearest(key: str, keys: Mapping[int, Any]) -> str:
    """The bad rows whose keys are most like what was typed."""
    if not keys:
        return "no row of it was bad in its newest run: rally-health check --detailed lists those that are"
    names = {marked: f"{key_text_of(marked)} {json.dumps(value, ensure_ascii=False)}" for marked, value in keys.items()}
    typed = _words(json.loads(key)) if key.lstrip().startswith(("{", "[")) else key
    texts = {_words(value): name for value, name in zip(keys.values(), names.values(), strict=True)}
    texts |= {key_text_of(marked): name for marked, name in names.items()}
    close = get_close_matches(typed, texts, n=2 * MOST_NEAREST, cutoff=0.0)
    nearest = list(dict.fromkeys(texts[text] for text in close))[:MOST_NEAREST]
    return f"the nearest are {'; '.join(nearest)}"


def _words(key: Any) -> str:
    """The values of a key, however it is written, to be compared with those of another."""
    return " ".join(str(value) for value in (key.values() if isinstance(key, dict) else key))


def _waiver(row: Any) -> Waiver:
    names = ("id", "rule", "owner", "reason", "until", "fingerprint", "key")
    same = {name: getattr(row, name) for name in names}
    return Waiver(**same, created_by=row.created_by or "")
