"""One look at the health of a database: what is known is read, the rules are run, what was found is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, Engine

from checks import history
from checks.carrying import bases
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline, Waiver
from checks.engine.measuring.scope import Dimension
from checks.engine.reporting.report import Report
from checks.engine.run import Request, run_checks
from checks.news import keep_news, stored_news
from checks.review.difference import with_headlines
from checks.review.reading import last_run
from checks.scopes import DIMENSIONS, IMPORT, dimensions_there
from checks.stored import StoredResult, StoredRun
from checks.waivers import active_waivers
from etl.database import retried
from etl.tables import metadata

LEAST = timedelta(microseconds=1)

Before = tuple[StoredRun, tuple[StoredResult, ...]] | None
Beside = Callable[[Connection, Report], object]
"""What else is written in the transaction that keeps a report."""


def examine(
    engine: Engine,
    rules: Rules,
    request: Request,
    *,
    keep: bool = True,
    since_last: bool = False,
    beside: Beside = lambda connection, report: None,
) -> Report:
    """Run rules with the history, the waivers and the dimensions of this database; with `keep` the report is stored.

    `rules` are those of the request's selection already. `beside` writes more in the same transaction: all of it is
    kept, or nothing. With `since_last` only what has changed is measured: a result whose rule reads what it read when
    it was measured last is carried over.
    """
    baseline, waivers, before, dimensions = retried(lambda: _known(engine, rules, request, since_last=since_last))
    whole = not (request.selection.scope or request.another_day) and (keep or since_last)
    informed = replace(
        request, baseline=baseline, waivers=waivers, dimensions=dimensions, tables=metadata.tables,
        bases=bases if whole else None,
    )  # fmt: skip
    report = run_checks(engine, rules, informed)
    report = with_headlines(report, before)
    if keep:
        # the run's row tells a further try whether the commit of the one before took place
        report = retried(lambda: _keep(engine, report, beside))
    return report


def _known(
    engine: Engine, rules: Rules, request: Request, *, since_last: bool
) -> tuple[Baseline, Sequence[Waiver], Before, Sequence[Dimension]]:
    with engine.begin() as connection:
        past = history.load_history(connection, rules, request.selection, keys=since_last)
        accepted = active_waivers(connection)
        if since_last:
            past = replace(past, carried=history.results_to_carry(connection, rules, request.now))
        return past, accepted, last_run(connection, str(request.selection)), dimensions_there(connection)


def _keep(engine: Engine, report: Report, beside: Beside) -> Report:
    """Write a report, and return it with what is new in it."""
    with engine.begin() as connection:
        if not history.save(connection, report):
            return replace(report, news=stored_news(connection, report.started - LEAST))
        report = replace(report, news=keep_news(connection, report))
        beside(connection, report)
        return report


def examine_alone(engine: Engine, rules: Rules, request: Request) -> Report:
    """Run rules on a database that holds no tables of ours: no past, no waivers, nothing kept."""
    known = [dimension for dimension in DIMENSIONS if dimension is not IMPORT]
    return run_checks(engine, rules, replace(request, dimensions=known, tables=metadata.tables))
