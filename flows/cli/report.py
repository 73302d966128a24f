"""`rally-health report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alerts.outbox.plain import known
from checks.review.periods import Kind
from flows.alerting import required_policy
from flows.cli.exits import Exit
from flows.cli.files import write
from flows.cli.selecting import day
from flows.reviewing import Asked, email_review, html_of, json_of, make_review, text_of


def report(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="daily, weekly, monthly or quarterly: each has the one before in it.")],
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file; - for standard output.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write JSON to FILE; - for standard output.")
    ] = None,
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="NAME", help="Send it to a person of the alert policy.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The last day it is about; today without.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3660, help="Look back on so many days.")] = None,
) -> None:
    """Tell what many runs tell together. Nothing is measured: it reads the history.

    daily: the score, its change, the four daily figures, what to look at. weekly: also trends, imports, incidents.
    monthly: also what recurs, thresholds to think about, compliance by rule and owner. quarterly: also risks.

    Examples: `rally-health report weekly`, `rally-health report monthly --html report.html`,
    `rally-health report quarterly --until 2025-06-30 --json - `, `rally-health report weekly --email kim`
    """
    asked = Asked(kind, day(until), days)
    for person in email or ():
        known(required_policy(context.obj), person)
    review = make_review(context.obj, asked)
    done = write(html_file, html_of(review)) if html_file else True
    done &= write(json_file, json_of(review)) if json_file else True
    if Path("-") not in {html_file, json_file}:
        typer.echo(text_of(review), nl=False)
    if email and email_review(context.obj, review, email):
        typer.secho("error: the report waits in the outbox. Next: rally-health alerts outbox", fg="red", err=True)
        done = False
    raise typer.Exit(Exit.OK if done else Exit.PARTIAL)
