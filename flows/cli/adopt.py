"""`rally-health init` and `doctor`: a database is looked at, taken into use, and left as it was found."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from etl.adoption.adopt import AdditionState
from etl.adoption.inspect import Finding, Level
from etl.migrate import Mode, newest
from etl.words import number_of
from flows.cli.shared import Exit, JsonFile, Yes, shown_as_json, sure
from flows.service.adoption import Initialised, InitRequest, examine_database, initialise, uninstall
from flows.settings import SettingsError


def init(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    constraints: Annotated[
        bool, typer.Option("--constraints", help="Add CHECKs too, that can refuse rows which other programs write.")
    ] = False,
    rules_only: Annotated[
        bool, typer.Option("--rules-only", help="Only rules of your own: no table of the platform, no catalogue.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take all that init added away again, with the history of quality.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Change nothing: say what would be added, and what would not work."),
    ] = False,
    json_file: JsonFile = None,
    yes: Yes = False,
) -> None:
    """Create or update the tables, or adopt an existing Rally database, behind a snapshot. No row is changed.

    An adopted database gets the schema `quality`, missing indexes, and the unique key of the schedule once no row is in
    its way: nothing that could make another program lose a row. What could, is only named, with the rows that it would
    refuse, and added by `--constraints`.

    Exit codes: 0 done, 1 a dry run found what will not work, 2 no Rally database or rights missing, 4 database away.

    Examples: `rally-health init --dry-run`, `rally-health --database postgresql://rally@db/rally init`,
    `rally-health init --constraints`, `rally-health init --rules-only`, `rally-health init --remove --yes`
    """
    if sum((constraints, rules_only, remove)) > 1:
        raise SettingsError("--constraints, --rules-only and --remove exclude each other")
    if dry_run:
        doctor(context, json_file=json_file)
    if remove:
        _remove(context, yes=yes)
        return
    done = initialise(context.obj, InitRequest(constraints, rules_only))
    if shown_as_json(json_file, _document(done)):
        return
    _print(done)


def doctor(
    context: typer.Context,
    json_file: JsonFile = None,
) -> None:
    """Look at settings, machine and database, and say what is well, what is odd, and what will not work.

    Nothing is changed. Missing rights are listed all at once, as statements for the owner of the tables.

    Exit codes: 0 no error, 1 something will not work, 2 wrong settings, 4 database away.

    Examples: `rally-health doctor`, `rally-health --database postgresql://rally@db/rally doctor --json`
    """
    inspection = examine_database(context.obj)
    errors = len(inspection.of(Level.ERROR))
    if not shown_as_json(json_file, {"findings": [asdict(one) for one in inspection.findings]}):
        for finding in inspection.findings:
            _print_finding(finding)
        warnings = number_of(len(inspection.of(Level.WARNING)), "warnings")
        typer.echo(f"{len(inspection.of(Level.OK))} ok, {warnings}, {number_of(errors, 'errors')}.")
    raise typer.Exit(Exit.INFRASTRUCTURE if not inspection.reachable else Exit.CHECKS_FAILED if errors else Exit.OK)


COLOURS = {Level.OK: typer.colors.GREEN, Level.WARNING: typer.colors.YELLOW, Level.ERROR: typer.colors.RED}


def _print_finding(finding: Finding) -> None:
    typer.echo(typer.style(f"{finding.level:<8}", fg=COLOURS[finding.level]) + f"{finding.subject}: {finding.text}")
    if finding.remedy:
        typer.echo(f"        -> {finding.remedy}")
    for statement in finding.statements if finding.statements != (finding.remedy,) else ():
        typer.echo(f"           {statement};")


def _remove(context: typer.Context, *, yes: bool) -> None:
    sure("Remove the schema quality with its history, aliases and repairs, and all that init added?", yes=yes)
    snapshot, kept = uninstall(context.obj)
    if snapshot:
        typer.echo(f"Snapshot {snapshot.name} was taken.")
    for line in kept:
        typer.echo(line)
    typer.echo("What init added is removed; the rows are as they were.")


def _print(done: Initialised) -> None:
    adoption = done.adoption
    if done.snapshot:
        typer.echo(f"Snapshot {done.snapshot.name} was taken.")
    typer.echo(f"The database is at revision {newest()}.")
    if adoption.mode is Mode.RULES_ONLY:
        typer.echo("It is used for rules of your own alone: the catalogue and imports are off.")
    for addition in adoption.additions:
        warning = addition.state in {AdditionState.BLOCKED, AdditionState.UNVALIDATED}
        _line(str(addition), warning=warning)
    for lacking in adoption.lacking:
        _line(f"the platform's table lacks columns, and rules about them cannot be asked: {lacking}", warning=True)
    if not adoption.reader:
        _line(
            "checks run without the role rally_reader, which cannot write: this account may not make it", warning=True
        )
    typer.echo("Next: rally-health check" if adoption.mode is not Mode.CREATE else "Next: rally-health import PATH")


def _line(text: str, *, warning: bool) -> None:
    if warning:
        typer.secho(f"warning: {text}", fg=typer.colors.YELLOW, err=True)
    else:
        typer.echo(text)


def _document(done: Initialised) -> dict[str, Any]:
    adoption = done.adoption
    return {
        "revision": newest(), "mode": adoption.mode.value, "reader": adoption.reader, "lacking": list(adoption.lacking),
        "snapshot": done.snapshot.name if done.snapshot else None,
        "additions": [{name: value for name, value in asdict(one).items() if name != "statements"} | {"text": str(one)}
                      for one in adoption.additions],
    }  # fmt: skip
