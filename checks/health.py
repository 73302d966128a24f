"""One look at the health of a database: what is known is read, the rules are run, what was found is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from checks import history
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.judging.judge import Baseline, Waiver
from checks.engine.reporting.report import Report
from checks.engine.run import Request, run_checks
from checks.review.difference import with_headlines
from checks.review.reading import last_run
from checks.scopes import DIMENSIONS, IMPORT
from checks.stored import StoredResult, StoredRun
from checks.waivers import active_waivers
from etl.database import retried
from etl.tables import metadata

Before = tuple[StoredRun, tuple[StoredResult, ...]] | None
Beside = Callable[[Connection, Report], object]
"""What else is written in the transaction that keeps a report."""


def examine(
    engine: Engine,
    rules: Rules,
    request: Request,
    *,
    keep: bool = True,
    beside: Beside = lambda connection, report: None,
) -> Report:
    """Run rules with the history, the waivers and the dimensions of this database; with `keep` the report is stored.

    `rules` are those of the request's selection already. `beside` writes more in the same transaction: all of it is
    kept, or nothing.
    """
    baseline, waivers, before = retried(lambda: _known(engine, rules, request.selection))
    known = replace(request, baseline=baseline, waivers=waivers, dimensions=DIMENSIONS, tables=metadata.tables)
    report = run_checks(engine, rules, known)
    report = with_headlines(report, before)
    if keep:
        # the run's row tells a further try whether the commit of the one before took place
        retried(lambda: _keep(engine, report, beside))
    return report


def _known(engine: Engine, rules: Rules, selection: Selection) -> tuple[Baseline, Sequence[Waiver], Before]:
    with engine.begin() as connection:
        past, accepted = history.load_history(connection, rules, selection), active_waivers(connection)
        return past, accepted, last_run(connection, str(selection))


def _keep(engine: Engine, report: Report, beside: Beside) -> None:
    with engine.begin() as connection:
        if history.save(connection, report):
            beside(connection, report)


def examine_alone(engine: Engine, rules: Rules, request: Request) -> Report:
    """Run rules on a database that holds no tables of ours: no past, no waivers, nothing kept."""
    known = [dimension for dimension in DIMENSIONS if dimension is not IMPORT]
    return run_checks(engine, rules, replace(request, dimensions=known, tables=metadata.tables))
