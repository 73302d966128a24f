"""Measures one rule by the engine, on an open connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.reporting.report import Report, Result
from checks.engine.run import Options, Request, measure_on
from checks.scopes import DIMENSIONS
from tests.checks.rules.entries import NOW, TODAY

ALL = 100


def report(connection: Connection, rules: Rules, baseline: Baseline | None = None, today: date = TODAY) -> Report:
    """A run of some rules at the day and hour of all cases, or on another day."""
    request = Request(
        now=NOW + (today - TODAY), today=today, dimensions=DIMENSIONS, baseline=baseline or Baseline(),
        options=Options(examples=ALL),
    )  # fmt: skip
    return measure_on(connection, rules, request)


def result(
    connection: Connection, catalogue: Rules, rule: str, parameter: str = "", *, earlier: Sequence[float] = (),
    today: date = TODAY,
) -> Result:  # fmt: skip
    """What one rule finds; `earlier` is what a metric read in the runs before."""
    baseline = Baseline(readings={(rule, parameter): tuple(earlier)})
    return report(connection, catalogue.only([catalogue[rule]]), baseline, today).of(rule, parameter)


def keys(result: Result) -> list[str]:
    """The rows that were found, by their keys, one line each in the order of the alphabet."""
    return sorted(" | ".join("-" if one is None else str(one) for one in key.values()) for key in result.examples)
