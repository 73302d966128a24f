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
WHOLE = Options(examples=ALL)
UNWRITTEN = Options(examples=ALL, statements=False)
FIGURES = Options(details=False, statements=False)
"""For tests that look at what was counted: examples, clusters and SQL are half of a run."""


def report(
    connection: Connection, rules: Rules, baseline: Baseline | None = None, today: date = TODAY,
    options: Options = WHOLE,
) -> Report:  # fmt: skip
    """A run of some rules at the day and hour of all cases, or on another day."""
    request = Request(
        now=NOW + (today - TODAY), today=today, dimensions=DIMENSIONS, baseline=baseline or Baseline(),
        options=options,
    )  # fmt: skip
    return measure_on(connection, rules, request)


def result(
    connection: Connection, catalogue: Rules, rule: str, parameter: str = "", *, earlier: Sequence[float] = (),
    today: date = TODAY, options: Options = WHOLE,
) -> Result:  # fmt: skip
    """What one rule finds; `earlier` is what a metric read in the runs before."""
    baseline = Baseline(readings={(rule, parameter): tuple(earlier)})
    return report(connection, catalogue.only([catalogue[rule]]), baseline, today, options).of(rule, parameter)


def keys(result: Result) -> list[str]:
    """The rows that were found, by their keys, one line each in the order of the alphabet."""
    return sorted(" | ".join("-" if one is None else str(one) for one in key.values()) for key in result.examples)
