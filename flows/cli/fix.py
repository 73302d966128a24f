"""`rally-health fix`: repairs are planned, made, undone; each is shown on one line, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etl.migrate import require_platform
from etl.repairs import ledger
from etl.repairs.ledger import Repair, State
from flows.cli.shared import (
    STDOUT,
    Exit,
    JsonFile,
    Since,
    Until,
    Yes,
    print_folded,
    print_rows,
    shown_as_json,
    span_of,
    sure,
)
from flows.service.context import open_engine

if TYPE_CHECKING:
    from checks.repairs.plan import Plan, Preview


def line(repair: Repair) -> str:
    """A repair on one line."""
    what = ", ".join(map(str, repair.changes)) or "nothing"
    rule = f" of {repair.rule}" if repair.rule else f" ({repair.summary})"
    better = ""
    if repair.bad_before is not None:
        better = f"; bad rows {repair.bad_before:,} -> {repair.bad_after:,}, gate score {repair.score_before} ->"
        better += f" {repair.score_after}"
    proposal = ", only a proposal" if repair.proposal else ""
    word, state, at, who, more = {
        State.PLANNED: ("plan", "planned", repair.planned_at, repair.planned_by, ""),
        State.APPLIED: ("repair", "applied", repair.applied_at, repair.applied_by, ""),
        State.UNDONE: ("repair", "undone", repair.undone_at, repair.undone_by, ""),
        State.FORGOTTEN: ("repair", "applied", repair.applied_at, repair.applied_by, ", too old to be undone"),
    }[repair.state]
    moment = f"{at:%Y-%m-%d %H:%M}" if at else "?"
    return f"{word} {repair.id}{rule}: {what}{better}; {state} {moment} by {who or '?'}{more}{proposal}"


def of_plan(one: Plan) -> dict[str, Any]:
    own = of_repair(one.repair) if one.repair else {"repair": None}
    return {"rule": one.rule, "summary": one.summary, "bad": one.bad, "why": one.why, **own,
            "examples": [of_row(row) for row in one.rows]}  # fmt: skip


def of_repair(repair: Repair) -> dict[str, Any]:
    return {
        "repair": repair.id, "kind": repair.kind, "rule": repair.rule, "summary": repair.summary,
        "state": repair.state.value, "proposal": repair.proposal, "rows": repair.rows,
        "changes": [{"table": one.table, "action": one.action, "rows": one.rows} for one in repair.changes],
        "bad_before": repair.bad_before, "bad_after": repair.bad_after,
        "score_before": repair.score_before, "score_after": repair.score_after,
        "planned_at": repair.planned_at, "applied_at": repair.applied_at, "undone_at": repair.undone_at,
        "planned_by": repair.planned_by, "applied_by": repair.applied_by, "undone_by": repair.undone_by,
        "snapshot": repair.snapshot,
    }  # fmt: skip


def of_row(row: Preview) -> dict[str, Any]:
    return {"table": row.table, "action": row.action, "key": dict(row.key),
            "changes": {name: list(change) for name, change in row.changes.items()}}  # fmt: skip


app = typer.Typer(help="Repairs: planned, made, undone.", no_args_is_help=True)

Numbers = Annotated[list[int], typer.Argument(metavar="PLAN", help="Numbers of plans, as `fix plan` gave them.")]
Rows = Annotated[int, typer.Option("--rows", min=0, help="How many rows of each to show.")]


@app.command("list")
def list_fixes(context: typer.Context, json_file: JsonFile = None) -> None:
    """List the rules that have a fix, in the order in which their fixes help each other.

    Example: `rally-health fix list`
    """
    from checks.repairs.plan import fixable_in_order, is_proposal, summary_of  # noqa: PLC0415 - the rest reads a few rows
    from flows.service.catalogue import rules_of  # noqa: PLC0415

    allowed = context.obj.auto_fix
    rows = [
        {"rule": check.name, "does": summary_of(check.fix), "only a proposal": is_proposal(check.fix),
         "by itself up to": allowed.get(check.name)}
        for check in fixable_in_order(rules_of(context.obj)) if check.fix
    ]  # fmt: skip
    for row in rows:
        row["by itself up to"] = row["by itself up to"] or ("a proposal" if row["only a proposal"] else "")
    print_rows(rows, ("rule", "does", "by itself up to"), json_file=json_file, nothing="No rule has a fix.")


@app.command("plan")
def plan(
    context: typer.Context,
    rules: Annotated[list[str] | None, typer.Argument(metavar="RULE", help="Rules; without any, all.")] = None,
    feeds: Annotated[
        list[Path] | None, typer.Option("--feeds", help="Feeds to take rows from; else those published last.")
    ] = None,
    rows: Rows = 10,
    json_file: JsonFile = None,
) -> None:
    """Show what a fix would change, row by row, and keep that as a plan. Nothing else is written.

    The fix is tried out and rolled back, with the rules asked before and after: what is shown is what would happen.

    Exit codes: 0 also where there is nothing to repair, 2 no such rule or fix, 4 database away, 5 nobody could count
    what there is to repair, 75 an import runs.

    Examples: `rally-health fix plan`, `rally-health fix plan duplicate_match --rows 50`,
    `rally-health fix plan team_without_schedule --feeds feeds/2025-06-30T0809/all`
    """
    from flows.service.catalogue import rules_of  # noqa: PLC0415 - the rest reads a few rows
    from flows.service.repair import plan_repairs  # noqa: PLC0415

    with open_engine(context.obj) as engine:
        with engine.begin() as connection:
            require_platform(connection)
        plans = plan_repairs(engine, rules_of(context.obj), rules or (), feeds or (), show=None if json_file else rows)
    unmeasured = [one for one in plans if one.unmeasured]
    if not shown_as_json(json_file, [of_plan(one) for one in plans]):
        _tell_plans(plans, named=bool(rules))
    raise typer.Exit(Exit.PARTIAL if unmeasured else Exit.OK)


def _tell_plans(plans: Sequence[Plan], *, named: bool) -> None:
    for one in plans:
        if one.repair or named or one.unmeasured:
            _tell_plan(one)
    ready = [str(one.repair.id) for one in plans if one.repair and not one.repair.proposal]
    if ready:
        typer.echo(f"Next: rally-health fix apply {ready[0]}")
    elif not named:
        tried = sum(not one.unmeasured for one in plans)
        of_all = "" if tried == len(plans) else f" of {len(plans)}"
        typer.echo(f"Nothing to repair: {tried}{of_all} fixes were tried. Next: rally-health check")


@app.command("show")
def show_fix(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER")],
    rows: Rows = 20,
    json_file: JsonFile = None,
) -> None:
    """Show a plan or a repair, with the rows that it changed once it is applied.

    Example: `rally-health fix show 1 --rows 100`
    """
    from checks.repairs.plan import preview  # noqa: PLC0415 - the rest reads a few rows

    with open_engine(context.obj) as engine, engine.begin() as connection:
        repair = ledger.find_repair(connection, number)
        changed = preview(connection, number, None if json_file else rows)
    if shown_as_json(json_file, of_repair(repair) | {"examples": [of_row(row) for row in changed]}):
        return
    print_folded(line(repair))
    for row in changed:
        typer.echo(f"  {row}")
    nexts = {"planned": f"fix apply {number}", "applied": f"fix undo {number}"}
    typer.echo(f"Next: rally-health {nexts.get(repair.state, f'fix plan {repair.rule}')}")


@app.command("apply")
def apply_fix(
    context: typer.Context,
    plans: Numbers,
    yes: Yes = False,
    snapshot: Annotated[bool, typer.Option(help="Take a snapshot before.")] = True,
    json_file: JsonFile = None,
) -> None:
    """Make planned repairs, each whole or not at all; one that is made already stays as it is.

    Refused, with nothing changed, where the rows are not those of the plan any more, where the rule would not be
    better for it, or where others would get worse by more. Every row is kept as it was: `fix undo` brings it back.

    Exit codes: 0 made, 3 refused, 4 database away, 75 an import runs.

    Example: `rally-health fix apply 1`
    """
    from flows.service.repair import apply_plan  # noqa: PLC0415 - the rest reads a few rows

    made = []
    with open_engine(context.obj) as engine:
        for number in plans:
            with engine.begin() as connection:
                known = ledger.find_repair(connection, number)
            sure(f"{line(known)}\nApply it?", yes=yes)
            made.append(apply_plan(engine, context.obj, number, snapshot=snapshot))
            if json_file != STDOUT:
                print_folded(line(made[-1]))
    if not shown_as_json(json_file, [of_repair(one) for one in made]):
        typer.echo(f"Next: rally-health check; to take it back: rally-health fix undo {plans[-1]}")


@app.command("undo")
def undo(context: typer.Context, numbers: Numbers, yes: Yes = False, json_file: JsonFile = None) -> None:
    """Take repairs back: every row is as it was before. Several are undone the newest first.

    Refused where rows were changed since: the message names them, and the repairs that did it.

    Exit codes: 0 undone, 3 refused, 4 database away, 75 an import runs.

    Example: `rally-health fix undo 1`
    """
    from flows.service.repair import undo_repair  # noqa: PLC0415 - the rest reads a few rows

    undone = []
    with open_engine(context.obj) as engine:
        for number in sorted(numbers, reverse=True):
            with engine.begin() as connection:
                known = ledger.find_repair(connection, number)
            sure(f"{line(known)}\nTake it back?", yes=yes)
            undone.append(undo_repair(engine, number))
            if json_file != STDOUT:
                print_folded(line(undone[-1]))
    if not shown_as_json(json_file, [of_repair(one) for one in undone]):
        typer.echo("Next: rally-health check")


@app.command("history")
def fix_history(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    since: Since = None,
    until: Until = None,
    json_file: JsonFile = None,
) -> None:
    """Show plans and repairs, newest first: what they changed, who made them, and when.

    Example: `rally-health fix history`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        repairs = ledger.repair_history(connection, limit, span=span_of(context))
    if shown_as_json(json_file, [of_repair(one) for one in repairs]):
        return
    for one in repairs:
        print_folded(line(one))
    if not repairs:
        typer.echo("Nothing was repaired yet. Next: rally-health fix plan")


def _tell_plan(proposed: Plan) -> None:
    if proposed.repair is None:
        typer.echo(f"{proposed.rule}: {proposed.why}")
        return
    print_folded(f"{line(proposed.repair)}\n  {proposed.summary}")
    for row in proposed.rows:
        typer.echo(f"  {row}")
    if proposed.repair.rows > len(proposed.rows):
        typer.echo(f"  ... and {proposed.repair.rows - len(proposed.rows):,} more; --rows shows them")
