"""What a repair changes, row by row, as people may see it: keys and references, never people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from etl.tables import metadata, repair_rows

PERSONAL = frozenset({"first_name", "last_name", "email"})


@dataclass(frozen=True, slots=True)
class Preview:
    """One row: how it is known, and which columns change from what to what."""

    table: str
    action: str
    key: Mapping[str, str | None]
    changes: Mapping[str, tuple[str | None, str | None]]

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.key.items() if value is not None)
        changed = "; ".join(f"{name}: {old} -> {new}" for name, (old, new) in self.changes.items())
        return f"{self.action} {self.table.removeprefix('public.')} ({named}){': ' if changed else ''}{changed}"


def preview(connection: Connection, repair: int, limit: int | None = 10) -> tuple[Preview, ...]:
    """The rows that a repair changes, in the order of its steps."""
    row = repair_rows.c
    wanted = select(row.table, row.action, row.key, row.before, row.after).where(
        row.repair_id == repair, row.action != "sequence"
    )
    found = connection.execute(wanted.order_by(row.step, row.id).limit(limit))
    return tuple(_preview(*one) for one in found)


def _preview(table: str, action: str, key: dict[str, Any], before: Any, after: Any) -> Preview:
    known = {**(before or {}), **key}
    names = [name for name in ("id", *_key_of(table)) if name in known and name not in PERSONAL]
    shown = {name: known[name] for name in names} or dict(key)
    changed = _changes(before or {}, after or {}) if action in ("update", "constraint") else {}
    return Preview(table, action, shown, changed)


def _key_of(table: str) -> tuple[str, ...]:
    known = metadata.tables.get(table.removeprefix("public."))
    return tuple(known.info.get("key", ())) if known is not None else ()


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    names = [name for name in after | before if before.get(name) != after.get(name)]
    return {name: ("…", "…") if name in PERSONAL else (before.get(name), after.get(name)) for name in names}
