"""Values as JSON documents, in one form: numbers as numbers, moments as RFC 3339, the same names in every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any

from checks.engine.reporting.report import result_of
from checks.stored import StoredResult, StoredRun

NULL_WHEN_EMPTY = frozenset({"parameter", "error", "note"})
"""Names whose empty text means that there is none: null, in every document."""


def plain_value(value: Any) -> Any:
    """A value as JSON has it: numbers as numbers, moments as RFC 3339, a frozen value as an object of its fields.

    What JSON has no number for (an infinite distance) is null.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Decimal, float)):
        return float(value) if isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_object((field.name, getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Mapping):
        return _plain_object((str(name), part) for name, part in value.items())
    return [plain_value(part) for part in value] if isinstance(value, (list, tuple, frozenset, set)) else value


def _plain_object(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: None if name in NULL_WHEN_EMPTY and part == "" else plain_value(part) for name, part in members}


def run_document(run: StoredRun) -> dict[str, Any]:
    """A run out of the history, with the names of `check --json`."""
    document = plain_value(run)
    return {"run": document.pop("id"), "started_at": document.pop("at"), **document}


def stored_document(result: StoredResult) -> dict[str, Any]:
    """A result out of the history: as in `check --json`, with its run and the moment when that began."""
    return {"run": result.run, "at": plain_value(result.at), **result_of(result)}
