"""`rally-health check`: the rules, the report in the formats that are asked for, and the exit code."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from checks.engine.authoring.units import Status, number_of
from checks.engine.reporting.report import Report
from checks.engine.reporting.verdict import FailOn
from checks.render.formats import github_annotations, junit, markdown
from checks.render.terminal import print_report, progress_bar
from flows.bridge.entry import run
from flows.cli import shared
from flows.service.catalogue import chosen, last_failed
from flows.service.context import Invocation
from flows.service.health_check import check_health
from flows.service.report_files import unwritten
from flows.service.requests import CheckRequest
from flows.settings import Settings

if TYPE_CHECKING:
    from prefect import Flow


def check(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    domains: shared.Domains = None,
    tags: shared.Tags = None,
    severities: shared.Severities = None,
    names: shared.Names = None,
    owners: shared.Owners = None,
    leagues: shared.Leagues = None,
    detailed: Annotated[bool, typer.Option("--detailed", help="Add examples, clusters and SQL.")] = False,
    json_file: shared.JsonFile = None,
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
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Show so many whole bad rows of the rule of --name; needs RALLY_SHOW_ROWS."),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write all bad rows of the rule of --name to FILE.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse to run rules through an account that could do more than read.")
    ] = False,
    words: shared.Words = "",
    marked: shared.Marked = "",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="last", help="Measure only what has changed since it was measured last; carry the rest over."
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--last-failed", help="Only rules in trouble in the newest run.")] = False,
    debugger: Annotated[
        bool, typer.Option("--pdb", help="Open Python's debugger where a rule raised, on a terminal.")
    ] = False,
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="NAME", help="Send the report to a person of the policy.")
    ] = None,
) -> None:
    """Run the rules on the database and say how healthy it is. The rules cannot write.

    The same option twice widens, different options narrow.

    Exit codes: 0 healthy, 1 checks failed, 2 wrong usage, 4 database away, 5 a rule not measured or an alert not sent.

    Examples: `rally-health check`, `rally-health check --domain schedule --detailed`,
    `rally-health check --tag daily --league CNSWPL --fail-on new --json report.json`,
    `rally-health check --tag daily --alert --email kim`, `rally-health check --last-failed`,
    `rally-health check -k "schedule and not practice" -m daily`,
    `rally-health check --name match_without_teams --rows 50`, `rally-health check --name my_rule --pdb`,
    `rally-health check --since last`
    """
    if debugger and not sys.stdin.isatty():
        raise typer.BadParameter("--pdb needs a terminal")
    if rows is not None or csv_file is not None:
        show_rows(context.obj, names, rows, csv_file)
        return
    if again:
        names = [*(names or ()), *last_failed(context.obj)]
        if not names:
            typer.echo("No rule was in trouble in the newest run.")
            return
    if words or marked:
        names = [*chosen(context.obj, words, marked, names or ())]
    streamed = shared.one_document(json_file, junit_file, markdown_file, more=github)
    request = shared.requested(CheckRequest, context, today=shared.day(today), names=names, since=since)
    with progress_bar(Console(stderr=True)) as progress:
        settings = context.obj.model_copy(update={"strict": True}) if strict else context.obj
        invocation = Invocation(settings, checked=progress)
        report = run(invocation, check_health, _flow, request)
    shared.say_lost(invocation)
    written = shared.write(json_file, lambda: shared.json_text(report.to_json()))
    written &= shared.write(junit_file, lambda: junit(report, fail_on))
    written &= shared.write(markdown_file, lambda: markdown(report, detailed=detailed))
    if not streamed or github:
        print_report(_without_unwritten(report), Console(), detailed=detailed)
    if github:
        typer.echo(github_annotations(report), nl=False)
    if debugger:
        debug(context.obj, report)
    complete = written and _nothing_unsent(invocation, report)
    code = report.exit_code(fail_on)
    raise typer.Exit(code if complete or code else shared.Exit.PARTIAL)


def show_rows(settings: Settings, names: Sequence[str] | None, most: int | None, file: Path | None) -> None:
    """Print the first bad rows of one rule, or write all of them to a CSV file."""
    if not names or len(names) != 1:
        raise typer.BadParameter("--rows and --csv are about one rule: name it with --name")
    from flows.service.authoring import rows_of_rule  # noqa: PLC0415 - few want whole rows

    with rows_of_rule(settings, names[0]) as bad:
        if file is None:
            shown = [dict(zip(bad.names, row, strict=True)) for row in islice(bad.rows, most)]
            shared.print_rows(shown, bad.names, json_file=None, nothing="No row is bad.")
            return
        with sys.stdout if file == Path("-") else file.open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(bad.names)
            writer.writerows(islice(bad.rows, most))


def debug(settings: Settings, report: Report) -> None:
    """Open a debugger where each rule that could not be measured raised, in its own file."""
    import pdb  # noqa: PLC0415 - few want it

    from flows.service.authoring import raised_in  # noqa: PLC0415 - as above

    broken = dict.fromkeys(result.rule for result in report.by_status(Status.ERROR))
    raised = False
    for name, error in raised_in(settings, tuple(broken)):
        raised = True
        typer.echo(f"\n{name} raised {type(error).__name__}: {error}")
        pdb.post_mortem(error.__traceback__)
    if not raised:
        typer.echo("No rule raised anything: there is nothing to debug.")


def _flow() -> Flow[..., Any]:
    from flows.flows import health_check  # noqa: PLC0415 - Prefect takes two seconds to import

    return health_check


def _without_unwritten(report: Report) -> Report:
    """The report as it is printed: what could not be written is said at the end, on standard error."""
    lost = unwritten(report)
    return replace(report, complaints=tuple(one for one in report.complaints if one not in lost))


def _nothing_unsent(invocation: Invocation, report: Report) -> bool:
    """Whether all was written and sent; a line on standard error says what was not."""
    lost = unwritten(report)
    for complaint in lost:
        typer.secho(f"error: {complaint}", fg=typer.colors.RED, err=True)
    failed = invocation.outcome.undelivered
    if failed:
        line = f"error: {number_of(failed, 'messages')} could not be sent yet. Next: rally-health alerts outbox"
        typer.secho(line, fg=typer.colors.RED, err=True)
    return not failed and not lost
