"""Thresholds as a person types them, such as `--warn 2% --critical 5%`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checks.engine.errors import CheckDefinitionError
from checks.engine.spec import Check
from checks.engine.thresholds import Above, Below, Threshold, above, below
from checks.engine.trends import Drop, Outlier, drop, outlier
from checks.engine.units import Limit, Unit, hours, percent, rows

LIMIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|percent|rows?|hours?|h)?\s*")
UNITS = {"%": percent, "percent": percent, "row": rows, "rows": rows, "hour": hours, "hours": hours, "h": hours}
BARE = {Unit.PERCENT: percent, Unit.ROWS: rows, Unit.HOURS: hours}
KINDS = ("above", "below", "drop", "outlier")
WINDOW = 14


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed; what was not stays as the rule has it."""

    kind: str | None = None
    warn: str | None = None
    critical: str | None = None
    window: int | None = None


def threshold_of(rule: Check, wanted: Wanted) -> Threshold:
    """The threshold to try on a rule; raises CheckDefinitionError, which says what would have been right."""
    own = rule.threshold
    kind = wanted.kind or type(own).__name__.lower()
    if kind not in KINDS:
        raise CheckDefinitionError(f"--as {kind!r} is no threshold; expected one of {', '.join(KINDS)}")
    same = kind == type(own).__name__.lower()
    if kind == "outlier":
        return _outlier(own if isinstance(own, Outlier) else outlier(), wanted)
    unit = Unit.PERCENT if kind == "drop" else getattr(own, "unit", None) or Unit.ROWS
    warn, critical = (
        _limit(text, unit) if text is not None else getattr(own, name) if same else None
        for name, text in (("warn", wanted.warn), ("critical", wanted.critical))
    )
    if kind == "drop":
        return _drop(own, warn, critical, wanted.window)
    return _fixed(kind, warn, critical)


def _fixed(kind: str, warn: Limit | None, critical: Limit | None) -> Above | Below:
    # the target is left out: what is tried is when to alert
    return above(warn=warn, critical=critical) if kind == "above" else below(warn=warn, critical=critical)


def _drop(own: Threshold, warn: Limit | None, critical: Limit | None, window: int | None) -> Drop:
    if warn is None or critical is None:
        raise CheckDefinitionError("--as drop needs both --warn and --critical, such as --warn 20% --critical 50%")
    return drop(warn=warn, critical=critical, window=window or (own.window if isinstance(own, Drop) else WINDOW))


def _outlier(own: Outlier, wanted: Wanted) -> Outlier:
    figures = (own.warn if wanted.warn is None else _bare(wanted.warn),
               own.critical if wanted.critical is None else _bare(wanted.critical))  # fmt: skip
    return outlier(warn=figures[0], critical=figures[1], window=wanted.window or own.window)


def _limit(text: str, unit: Unit) -> Limit:
    found = LIMIT.fullmatch(text)
    if found is None:
        raise CheckDefinitionError(f"{text!r} is no limit; expected a figure such as 2%, '5 rows' or '26 hours'")
    make = UNITS[found[2]] if found[2] else BARE[unit]
    return make(float(found[1]))


def _bare(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CheckDefinitionError(f"{text!r} is no number of deviations; expected e.g. 3.5") from None
