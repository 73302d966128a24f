"""Values as JSON documents, in one form: numbers as numbers, moments as RFC 3339, the same names in every command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from checks.engine.reporting.report import result_of
from checks.stored import StoredResult, StoredRun


def plain_value(value: Any) -> Any:
    """A value as JSON has it: numbers as numbers, moments as RFC 3339, a frozen value as an object of its fields."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain_value(part) for name, part in value.items()}
    return [plain_value(part) for part in value] if isinstance(value, (list, tuple, frozenset, set)) else value


def run_document(run: StoredRun) -> dict[str, Any]:
    """A run out of the history, its score and coverage named as `check --json` names them."""
    document = plain_value(run)
    return {"run": document.pop("id"), **document}


def stored_document(result: StoredResult) -> dict[str, Any]:
    """A result out of the history: as in `check --json`, with its run and its moment."""
    return {"run": result.run, "at": plain_value(result.at), **result_of(result)}
