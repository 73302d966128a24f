"""Measures one rule by the engine, on an open connection."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.reporting.report import Report, Result
from checks.engine.run import Request, measure_on
from checks.scopes import DIMENSIONS
from tests.checks.rules.entries import NOW, TODAY


def report(connection: Connection, rules: Rules, baseline: Baseline | None = None) -> Report:
    """A run of some rules at the day and hour of all cases."""
    return measure_on(
        connection, rules, Request(now=NOW, today=TODAY, dimensions=DIMENSIONS, baseline=baseline or Baseline())
    )


def result(
    connection: Connection, catalogue: Rules, rule: str, parameter: str = "", earlier: Sequence[float] = ()
) -> Result:
    """What one rule finds; `earlier` is what a metric read in the runs before."""
    baseline = Baseline(readings={(rule, parameter): tuple(earlier)})
    return report(connection, catalogue.only([catalogue[rule]]), baseline).of(rule, parameter)
