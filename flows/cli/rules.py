"""`rally-health rules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from checks.engine.authoring.spec import Check
from checks.engine.authoring.units import number_of
from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import relative
from flows.cli import shared
from flows.doors import needing
from flows.service.catalogue import chosen as named_by
from flows.service.catalogue import rules_of
from flows.service.requests import RuleSelection

if TYPE_CHECKING:
    from checks.author.trial import RuleTrial

app = typer.Typer(help="The rules that there are.", no_args_is_help=True)

MOST_UNNOTICED = 5
"""Changes of a rule that are listed one by one."""


@app.command("list")
def list_rules(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    domains: shared.Domains = None,
    tags: shared.Tags = None,
    severities: shared.Severities = None,
    names: shared.Names = None,
    owners: shared.Owners = None,
    words: shared.Words = "",
    marked: shared.Marked = "",
    json_file: shared.JsonFile = None,
) -> None:
    """List rules: the catalogue, those of RALLY_RULES, and those of installed plugins.

    Examples: `rally-health rules list`, `RALLY_RULES=my_rules rally-health rules list --tag gate`,
    `rally-health rules list -k "schedule and not practice" -m daily`
    """
    if words or marked:
        names = [*named_by(context.obj, words, marked, names or ())]
    chosen = shared.requested(RuleSelection, context, names=names).selection.apply(rules_of(context.obj))
    if not shared.shown_as_json(json_file, [_described(check) for check in chosen.values()]):
        _print(chosen, Console())


@app.command("show")
def show_rule(
    context: typer.Context, rule: Annotated[str, typer.Argument(help="Its name.")], json_file: shared.JsonFile = None
) -> None:
    """Say everything about one rule.

    Example: `rally-health rules show match_without_teams`
    """
    described = _described(shared.one_rule(context.obj, rule))
    if shared.shown_as_json(json_file, described):
        return
    for key, value in described.items():
        if value not in (None, "", []):
            typer.echo(f"{key:10} {', '.join(value) if isinstance(value, list) else value}")
    typer.echo(f"Next: rally-health check --name {rule} --detailed")


@app.command("docs")
def docs(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="The file to write.")] = Path("docs/DATA_QUALITY_STANDARDS.md"),
) -> None:
    """Write the data quality standards from the rules.

    Examples: `rally-health rules docs`, `rally-health rules docs standards.md`
    """
    from checks.standards import render_standards  # noqa: PLC0415 - who only reads rules tries none

    rules = rules_of(context.obj)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render_standards(rules), encoding="utf-8")
    typer.echo(f"Wrote {target}: {number_of(len(rules), 'rules')}.")


@app.command("export")
def export_contract(
    context: typer.Context,
    odcs: Annotated[Path, typer.Option("--odcs", metavar="FILE", help="The YAML to write; - for standard output.")],
) -> None:
    """Write tables and rules as an Open Data Contract (ODCS 3), for catalogues and contract tools.

    It needs the extra `odcs`. Examples: `rally-health rules export --odcs contract.yaml`
    """
    with needing("odcs"):
        from flows.doors.contract import odcs_yaml  # noqa: PLC0415 - an extra
    rules = rules_of(context.obj)
    if not shared.write(odcs, lambda: odcs_yaml(rules)):
        raise typer.Exit(shared.Exit.PARTIAL)
    if odcs != Path("-"):
        typer.echo(f"Wrote {odcs}: {number_of(len(rules), 'rules')}.")


@app.command("new")
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the rule says is wrong, such as order_without_customer.")],
    table: Annotated[str, typer.Option(help="The table that it is about.")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; the first folder of RALLY_RULES.")] = None,
) -> None:
    """Write a file with a rule that runs, to be changed.

    Example: `rally-health rules new order_without_customer --table orders`
    """
    from flows.service.authoring import new_rule  # noqa: PLC0415 - who only reads rules tries none

    target = new_rule(context.obj, name, table, folder)
    typer.echo(f"Wrote {target}. Next: rally-health rules test {target}")


@app.command("test")
def try_(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="A file or folder, or a rule's name; without: your own.")] = None,
) -> None:
    """Try rules on their good= and bad= rows, in a schema that is gone afterwards; name those that cannot fail.

    Each rule is also changed in one place at a time. A change that its rows do not tell from the rule itself is named:
    a row is missing that would.

    Examples: `rally-health rules test rules/orders.py`, `rally-health rules test order_without_customer`
    """
    from flows.service.authoring import try_rules  # noqa: PLC0415 - who only reads rules tries none

    trials = []
    for trial in try_rules(context.obj, source):
        trials.append(trial)
        _print_trial(trial)
    failed, skipped = sum(not trial.passed for trial in trials), sum(trial.skipped for trial in trials)
    typer.echo(f"{number_of(len(trials), 'rules')} tried, {failed} failed{f', {skipped} skipped' if skipped else ''}.")
    if failed or not trials:
        raise typer.Exit(shared.Exit.CHECKS_FAILED if failed else shared.Exit.USAGE)


@app.command("profile")
def profile(
    context: typer.Context, table: Annotated[str, typer.Argument(help="A table, such as orders or shop.orders.")]
) -> None:
    """Suggest ready-made rules that the table keeps today, as lines to paste into rally.toml.

    Example: `rally-health rules profile schedule`
    """
    from flows.service.authoring import suggested  # noqa: PLC0415 - who only reads rules tries none

    for suggestion in suggested(context.obj, table):
        typer.echo(f"{suggestion}\n")


def _print_trial(trial: RuleTrial) -> None:
    state = "skipped" if trial.skipped else "ok" if trial.passed else "FAILED"
    typer.echo(f"{state:7} {trial.rule}: {trial.said}")
    for change in trial.unnoticed[:MOST_UNNOTICED]:
        typer.echo(f"        no row notices: {change}")
    if more := trial.unnoticed[MOST_UNNOTICED:]:
        typer.echo(f"        and {len(more)} more changes")


def _print(rules: Rules, console: Console) -> None:
    if not console.is_terminal:
        for check in rules.values():
            changed = f"  [{'; '.join(check.changes)}]" if check.changes else ""
            typer.echo(f"{check.domain:10} {check.severity:8} {check.name}  {check.summary}{changed}")
        _print_disabled(rules)
        return
    rows = [
        {"domain": check.domain, "severity": check.severity.value, "rule": check.name,
         "what": " ".join([check.summary, *(f"({change})" for change in check.changes)])}
        for check in sorted(rules.values(), key=lambda check: (check.domain, -check.severity.rank, check.name))
    ]  # fmt: skip
    shared.print_rows(rows, ("domain", "severity", "rule", "what"), json_file=None, nothing="No rule is chosen.")
    _print_disabled(rules)
    console.print(f"{number_of(len(rules), 'rules')}. Next: rally-health check", highlight=False)


def _print_disabled(rules: Rules) -> None:
    for name, line in sorted(rules.disabled.items()):
        typer.echo(f"off: {name}, {line}")


def _described(check: Check) -> dict[str, Any]:
    mark = check.mark
    return {
        "rule": check.name,
        "domain": check.domain,
        "kind": mark.kind.value,
        "table": check.table or None,
        "severity": mark.severity.value,
        "threshold": str(mark.threshold),
        "summary": check.summary,
        "owner": mark.owner,
        "tags": sorted(mark.tags),
        "each": mark.each,
        "timeout": mark.timeout,
        "retries": mark.retries,
        "runbook": mark.runbook,
        "changed": list(check.changes),
        "fixable": check.fix is not None,
        "source": f"{relative(check.source.file)}:{check.source.line}",
    }
