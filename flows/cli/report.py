"""The commands that read the history: `rally-health history`, `rally-health report` and `rally-health backtest`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from checks.documents import run_document, stored_document
from checks.engine.authoring.units import number_of, points_text, whole_percent
from checks.review.backtest import Night, ThresholdOptions, backtest, parse_threshold
from checks.review.reading import read_results
from checks.review.values import PeriodKind
from checks.seals import verify_history
from checks.stored import StoredResult, StoredRun, stored_results, stored_runs
from etl.tables.span import EVER
from flows.bridge.entry import prefect_facts
from flows.cli import shared
from flows.service.context import open_engine
from flows.service.requests import ReviewRequest
from flows.settings import Settings


def history(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    rule: Annotated[str | None, typer.Argument(help="A rule; without one, the runs.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines.")] = 20,
    since: shared.Since = None,
    until: shared.Until = None,
    json_file: shared.JsonFile = None,
) -> None:
    """Show how the score went, or since when a rule is in trouble; newest first.

    `history verify` computes the seals of all runs anew: exit code 1 where something was rewritten, or could be.

    Examples: `rally-health history`, `rally-health history match_without_teams --limit 50`,
    `rally-health history --since 7d`, `rally-health history --since 2025-06-01 --until 2025-06-30`
    """
    if rule == VERIFY:
        _verify(context.obj, json_file)
        return
    span = shared.span_of(context)
    with open_engine(context.obj) as engine, engine.connect() as connection:
        if rule is None:
            runs = stored_runs(connection, limit, span)
            lines, documents = list(map(run_line, runs)), list(map(run_document, runs))
        else:
            results = stored_results(connection, rule, limit, span)
            lines, documents = list(map(result_line, results)), list(map(stored_document, results))
    if rule is not None and not lines and span == EVER:
        shared.one_rule(context.obj, rule)
    if shared.shown_as_json(json_file, documents):
        return
    nothing = "Nothing has run yet. Next: rally-health check" if span == EVER else "Nothing ran in that time."
    for line in lines or [nothing]:
        shared.print_folded(line)


VERIFY = "verify"


def _verify(settings: Settings, json_file: Path | None) -> None:
    with open_engine(settings) as engine, engine.connect() as connection:
        verified = verify_history(connection)
    if not shared.shown_as_json(json_file, verified):
        for line in verified.broken:
            typer.echo(f"REWRITTEN {line}")
        for line in verified.unguarded:
            typer.echo(f"OPEN {line}")
        before = f", {number_of(verified.unsealed, 'runs')} without a seal" if verified.unsealed else ""
        typer.echo(f"{number_of(verified.sealed, 'runs')} sealed{before}; the newest seal is {verified.head or 'none'}")
    raise typer.Exit(shared.Exit.CHECKS_FAILED if verified.broken or verified.unguarded else shared.Exit.OK)


def run_line(run: StoredRun) -> str:
    """A run on one line."""
    score = "unknown" if run.score is None else f"{run.score:>6}"
    return (
        f"{run.at:%Y-%m-%d %H:%M} {score} {run.band:8} {run.failing:3} failing"
        f"  coverage {whole_percent(run.coverage)}%  {run.selection}{f' ({run.apart})' if run.apart else ''}  {run.id}"
    )


def result_line(result: StoredResult) -> str:
    """A result on one line."""
    parameter = f" [{result.parameter}]" if result.parameter else ""
    changes = ((result.new, "new"), (result.fixed, "fixed"))
    changed = "".join(f", {number:,} {word}" for number, word in changes if number)
    line = f"{result.at:%Y-%m-%d %H:%M} {result.status:8}{parameter} {result.measurement}{changed}"
    return f"{line}  {points_text(result.points)}".rstrip()


def report(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    kind: Annotated[
        PeriodKind, typer.Argument(help="daily, weekly, monthly, quarterly or annual: each has the one before in it.")
    ],
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file; - for standard output.")
    ] = None,
    json_file: shared.JsonFile = None,
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="NAME", help="Send it to a person of the alert policy.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The last day it is about; today without.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3660, help="Look back on so many days.")] = None,
) -> None:
    """Tell what many runs tell together. Nothing is measured: it reads the history.

    daily: the score, its change, the four daily figures, what to look at. weekly: also trends, imports, incidents,
    complaints, system health. monthly: also what recurs, what is slow, thresholds to think about, compliance.
    quarterly: also risks. annual: also each month, versions, rules that came.

    Examples: `rally-health report weekly`, `rally-health report monthly --html report.html`,
    `rally-health report quarterly --until 2025-06-30 --json - `, `rally-health report weekly --email kim`
    """
    from flows.service import health_check, review  # noqa: PLC0415 - `history` needs neither

    streamed = shared.one_document(html_file, json_file)
    request = shared.requested(ReviewRequest, context, until=shared.day(until))
    health_check.require_people(context.obj, request.email)
    made = review.make_review(context.obj, request, prefect_facts)
    done = shared.write(html_file, lambda: review.review_html(made, context.obj.serve_url))
    done &= shared.write(json_file, lambda: review.review_json(made))
    if not streamed:
        typer.echo(review.review_text(made), nl=False)
    if request.email and review.email_review(context.obj, made, request.email):
        typer.secho("error: the report waits in the outbox. Next: rally-health alerts outbox", fg="red", err=True)
        done = False
    raise typer.Exit(shared.Exit.OK if done else shared.Exit.PARTIAL)


COLUMNS = ("at", "parameter", "reading", "total", "was", "would_be")


def backtest_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="The rule.")],
    warn: Annotated[str | None, typer.Option(metavar="LIMIT", help="Such as 2%, '5 rows' or '26 hours'.")] = None,
    critical: Annotated[str | None, typer.Option(metavar="LIMIT", help="As --warn.")] = None,
    kind: Annotated[str | None, typer.Option("--as", help="above, below, drop or outlier instead of its own.")] = None,
    window: Annotated[int | None, typer.Option(help="For drop and outlier: readings to compare with.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Only so many days back.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every night, not only those with an alert.")] = False,
    json_file: shared.JsonFile = None,
) -> None:
    """Say which of the stored nights a threshold would have alerted. Nothing is measured and nothing is changed.

    What is not given stays as the rule has it: without any option its threshold of today is tried.

    Examples: `rally-health backtest match_without_teams --warn 0.5%`,
    `rally-health backtest matches_in_schedule --as outlier --warn 4 --critical 8 --window 21`
    """
    check = shared.one_rule(context.obj, rule)
    threshold = parse_threshold(check, ThresholdOptions(kind, warn, critical, window))
    now = datetime.now(UTC)
    since = None if days is None else now - timedelta(days=days)
    with open_engine(context.obj) as engine, engine.connect() as connection:
        nights = backtest(read_results(connection, since, now, rule), threshold)
    if shared.shown_as_json(json_file, _document(rule, str(threshold), nights)):
        return
    shared.print_folded(_said(rule, str(threshold), nights))
    shown = [_row(night) for night in nights if everything or _alerts(night)]
    if shown:
        shared.print_rows(shown, COLUMNS, json_file=None, nothing="")


def _said(rule: str, threshold: str, nights: Sequence[Night]) -> str:
    if not nights:
        return f"{rule} has no stored readings. Next: rally-health check --name {rule}"
    would, was = (sum(one) for one in ([n.then.failing for n in nights], [n.result.status.failing for n in nights]))
    alerted = f"would have alerted {would} of {number_of(len(nights), 'times')}"
    return f"{rule}, {threshold}: {alerted}; it did {number_of(was, 'times')}"


def _alerts(night: Night) -> bool:
    return night.then.failing or night.result.status.failing


def _row(night: Night) -> dict[str, Any]:
    result = night.result
    figure = result.count if result.value is None else result.value
    return {
        "at": result.at, "parameter": result.parameter, "reading": figure, "total": result.total,
        "was": result.status.value, "would_be": night.then.value,
    }  # fmt: skip


SAME = ("run", "at", "parameter", "status", "count", "total", "rate", "value")


def _document(rule: str, threshold: str, nights: Sequence[Night]) -> dict[str, Any]:
    would = sum(night.then.failing for night in nights)
    did = sum(night.result.status.failing for night in nights)
    read = [{name: getattr(night.result, name) for name in SAME} | {"would_be": night.then} for night in nights]
    return {"rule": rule, "threshold": threshold, "would_alert": would, "did_alert": did, "nights": read}
