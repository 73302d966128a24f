"""`rally-health check`.

What `check` tells people besides its terminal: alerts, and the report by e-mail.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alerts.outbox.enqueue import known
from checks.engine.reporting.report import FailOn, Report
from checks.render.formats import github_annotations, junit, markdown
from checks.render.terminal import print_report, progress_bar
from flows.bridge.entry import run
from flows.cli.shared import Domains, Exit, Leagues, Names, Owners, Severities, Tags, day, say_lost, write
from flows.service.alerts import email_report, required_policy, send_alerts
from flows.service.context import Surroundings
from flows.service.health_check import Wish, check_health, chosen
from flows.service.report_files import unwritten


def check(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    domain: Domains = None,
    tag: Tags = None,
    severity: Severities = None,
    name: Names = None,
    owner: Owners = None,
    league: Leagues = None,
    detailed: Annotated[bool, typer.Option("--detailed", help="Add examples, clusters and SQL.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write JSON to FILE; - for standard output.")
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML to FILE; - for standard output.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown to FILE; - for standard output.")
    ] = None,
    github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub Actions.")] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="What makes the exit code 1: critical, warn, new (only new trouble) or never.")
    ] = FailOn.CRITICAL,
    today: Annotated[str | None, typer.Option(metavar="DATE", help="The day that rules compare with.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Rules that are measured at once.")] = 4,
    keep: Annotated[bool, typer.Option("--history/--no-history", help="Keep the run in the history.")] = True,
    alert: Annotated[
        bool, typer.Option("--alert", help="Tell whom the alert policy names, now and not with the next dispatch.")
    ] = False,
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="NAME", help="Send the report to a person of the policy.")
    ] = None,
) -> None:
    """Run the rules on the database and say how healthy it is. The rules cannot write.

    The same option twice widens, different options narrow.

    Exit codes: 0 healthy, 1 checks failed, 2 wrong usage, 4 database away, 5 something could not be measured or told.

    Examples: `rally-health check`, `rally-health check --domain schedule --detailed`,
    `rally-health check --tag daily --league CNSWPL --fail-on new --json report.json`,
    `rally-health check --tag daily --alert --email kim`
    """
    wish = Wish(chosen(domain, tag, severity, name, owner, league), day(today), workers, keep, alert)
    if alert and not keep:
        raise typer.BadParameter("--alert needs the history: alerts are sent from incidents, which are kept there")
    for person in email or ():
        known(required_policy(context.obj), person)
    with progress_bar(Console(stderr=True)) as progress:
        around = Surroundings(context.obj, checked=progress)
        report = run(
            around,
            lambda around: check_and_tell(around, wish),
            "flows.health_check:health_check",
            domains=domain, tags=tag, severities=severity, names=name, owners=owner, leagues=league, today=wish.today,
            workers=workers, keep=keep, alert=alert,
        )  # fmt: skip
    say_lost(around)
    written = all(
        [
            write(json_file, json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n"),
            write(junit_file, junit(report, fail_on)),
            write(markdown_file, markdown(report, detailed=detailed)),
        ]
    )
    if Path("-") not in {json_file, junit_file, markdown_file}:
        print_report(report, Console(), detailed=detailed)
    if github:
        typer.echo(github_annotations(report), nl=False)
    written &= told(around, report, email)
    code = report.exit_code(fail_on)
    raise typer.Exit(code if written or code else Exit.PARTIAL)


def check_and_tell(around: Surroundings, wish: Wish) -> Report:
    """Run the rules, and send the alerts of the run at once where that is wished."""
    report = check_health(around.settings, wish, progress=around.checked, remarks=around.remarks)
    if wish.alert:
        send_alerts(around)
    return report


def told(around: Surroundings, report: Report, email: Sequence[str] | None) -> bool:
    """Send the report to people; False, and a line on standard error, when that, an alert or a document failed."""
    lost = unwritten(report)
    for complaint in lost:
        typer.secho(f"error: {complaint}", fg=typer.colors.RED, err=True)
    failed = around.kept.undelivered
    if email:
        done = email_report(around.settings, report, email)
        failed += done.dead + done.waiting
    if failed:
        line = f"error: {failed} messages could not be sent yet. Next: rally-health alerts outbox"
        typer.secho(line, fg=typer.colors.RED, err=True)
    return not failed and not lost
