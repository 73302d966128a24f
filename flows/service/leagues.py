"""Health checks of leagues, each by itself: what one league's check gives, and how many of them end together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from checks.engine.authoring.units import number_of
from etl.tables import leagues as league_table
from flows.service.context import Invocation, open_engine, today_here
from flows.service.ending import Ending, StateName, of_report
from flows.service.health_check import check_health
from flows.service.requests import CheckRequest, LeaguesRequest
from flows.settings import Settings

ORDER = (StateName.HEALTHY, StateName.WATCH, StateName.UNKNOWN, StateName.CRITICAL)


@dataclass(frozen=True, slots=True)
class LeagueResult:
    """The result of one league: its document as `check --json` writes it, and how its run ended.

    One that could not be checked has an empty document and the error that kept it from that.
    """

    league: str
    document: dict[str, Any]
    ending: Ending
    error: Exception | None = None


Measuring = Callable[[Sequence[str], LeaguesRequest, date], list[LeagueResult]]
"""Checks leagues side by side on a day, wherever that is."""


def check_leagues(invocation: Invocation, request: LeaguesRequest, measuring: Measuring) -> list[LeagueResult]:
    """Check the leagues of the request, all of the database where it names none."""
    chosen = request.leagues or _all_leagues(invocation.settings)
    return measuring(chosen, request, request.today or today_here())


def check_one_league(settings: Settings, league: str, request: LeaguesRequest, today: date) -> LeagueResult:
    """Run rules on one league; its settings and connections are those of the process that does it."""
    report = check_health(
        Invocation(settings),
        CheckRequest(
            tags=request.tags, names=request.names, leagues=(league,), today=today, workers=1, keep=request.keep,
            alert=False,
        ),
    )  # fmt: skip
    return LeagueResult(league, report.to_json(), of_report(report))


def of_leagues(results: Sequence[LeagueResult]) -> Ending:
    """The ending of the worst league, and which leagues could not be checked."""
    if not results:
        return Ending(StateName.UNKNOWN, "there is no league")
    worst = max(results, key=lambda result: ORDER.index(result.ending.name))
    lost = ", ".join(result.league for result in results if result.error)
    message = f"{number_of(len(results), 'leagues')}, the worst is {worst.league}: {worst.ending.message}"
    return Ending(worst.ending.name, f"{message}; not checked: {lost}" if lost else message)


def _all_leagues(settings: Settings) -> list[str]:
    names = select(league_table.c.league_id).order_by(league_table.c.league_id)
    with open_engine(settings, application="rally-health leagues") as engine, engine.begin() as connection:
        return list(connection.execute(names).scalars())
