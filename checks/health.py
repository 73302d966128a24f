"""One look at the health of a database: what is known is read, the rules are run, what was found is kept."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine

from checks import history
from checks.engine.report import Report
from checks.engine.rules import Rules
from checks.engine.run import Request, run_checks
from checks.scopes import DIMENSIONS


def examine(engine: Engine, rules: Rules, request: Request, *, keep: bool = True) -> Report:
    """Run rules with the past, the waivers and the dimensions of this database, and keep the report unless told not to.

    Raises SelectionError before anything is run.
    """
    chosen = request.selection.apply(rules)
    with engine.begin() as connection:
        past = history.load(connection, chosen)
        waivers = history.active_waivers(connection)
    report = run_checks(engine, rules, replace(request, past=past, waivers=waivers, dimensions=DIMENSIONS))
    if keep:
        with engine.begin() as connection:
            history.save(connection, report)
    return report
