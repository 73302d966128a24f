"""`rally-health snapshot`."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checks.engine.authoring.units import number_of
from etl.snapshots import Snapshot, SnapshotError, faults_of, find_snapshot, snapshots_in
from etl.snapshots import take_snapshot as make
from flows.cli.shared import JsonFile, Yes, print_rows, shown_as_json, sure
from flows.service.context import open_engine

if TYPE_CHECKING:
    from etl.restore import Restored

app = typer.Typer(help="Snapshots of the tables that we write.", no_args_is_help=True)

SnapshotName = Annotated[str, typer.Argument(help="Its name, or `latest`.")]


@app.command("create")
def create(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why it is taken.")] = "by hand",
    json_file: JsonFile = None,
) -> None:
    """Take a snapshot of one moment.

    It holds people's rows: only its owner can read the folder. RALLY_SNAPSHOTS says where.

    Example: `rally-health snapshot create --reason "before the season change"`
    """
    with open_engine(context.obj) as engine:
        made = make(engine, context.obj.snapshot_folder, reason, getpass.getuser())
    if shown_as_json(json_file, made.to_json()):
        return
    typer.echo(f"Snapshot {made.name}: {_size(made)} by {made.method}.")
    typer.echo(f"Next: rally-health snapshot verify {made.name}")


def _size(snapshot: Snapshot) -> str:
    return f"{number_of(snapshot.rows, 'rows')} of {number_of(len(snapshot.tables), 'tables')}"


@app.command("list")
def list_snapshots(context: typer.Context, json_file: JsonFile = None) -> None:
    """List the snapshots, newest first.

    Example: `rally-health snapshot list`
    """
    rows = [_row(snapshot) for snapshot in snapshots_in(context.obj.snapshot_folder)]
    columns = ("name", "made", "by", "reason", "rows", "kilobytes", "method")
    print_rows(rows, columns, json_file=json_file, nothing="No snapshot yet. Next: rally-health snapshot create")


@app.command("verify")
def verify_snapshot(context: typer.Context, name: SnapshotName = "latest", json_file: JsonFile = None) -> None:
    """Read a snapshot through: checksums of its files, and as many rows as were written.

    Exit codes: 0 sound, 3 damaged or not there.

    Example: `rally-health snapshot verify latest`
    """
    snapshot = find_snapshot(context.obj.snapshot_folder, name)
    wrong = faults_of(snapshot)
    document = {"name": snapshot.name, "sound": not wrong, "wrong": list(wrong)}
    if not shown_as_json(json_file, document) and not wrong:
        typer.echo(f"Snapshot {snapshot.name} is sound: {_size(snapshot)}.")
        typer.echo(f"Next: rally-health snapshot restore {snapshot.name}")
    if wrong:
        raise SnapshotError(f"snapshot {snapshot.name} is damaged: {'; '.join(wrong)}")


@app.command("restore")
def restore(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    name: SnapshotName,
    keep_newer: Annotated[bool, typer.Option("--keep-newer", help="Leave rows written since.")] = False,
    discard_newer: Annotated[
        bool, typer.Option("--discard-newer", help="Remove rows that were written since.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where the rules find it worse.")] = False,
    yes: Yes = False,
    json_file: JsonFile = None,
) -> None:
    """Bring the tables back to a snapshot, all or nothing: loaded apart, asked by the rules, compared, then written.

    Rows that were written since are named; without --keep-newer or --discard-newer nothing is restored then. A copy of
    every row that is changed or removed is kept: `rally-health fix undo` takes the restore back.

    Exit codes: 0 restored, 2 wrong usage, 3 refused, 4 database away, 75 an import runs.

    Example: `rally-health snapshot restore latest --discard-newer`
    """
    from etl.restore import Rows  # noqa: PLC0415 - the rest reads a few rows
    from flows.service.repair import restore_snapshot  # noqa: PLC0415

    if keep_newer and discard_newer:
        raise typer.BadParameter("--keep-newer and --discard-newer exclude each other")
    newer = Rows.KEEP if keep_newer else Rows.DISCARD if discard_newer else Rows.REFUSE
    snapshot = find_snapshot(context.obj.snapshot_folder, name)
    sure(f"Restore snapshot {snapshot.name} ({snapshot.reason})?", yes=yes)
    with open_engine(context.obj) as engine:
        done = restore_snapshot(engine, context.obj, snapshot, newer=newer, anyway=anyway)
    if shown_as_json(json_file, _document(snapshot, done)):
        return
    for one in filter(None, done.differences):
        typer.echo(str(one))
    if done.repair is None:
        typer.echo(f"Snapshot {snapshot.name} is what the database holds; nothing was changed.")
    else:
        typer.echo(f"Restored snapshot {snapshot.name} as repair {done.repair.id}.")
        typer.echo(f"Next: rally-health check; to take it back: rally-health fix undo {done.repair.id}")


def _row(snapshot: Snapshot) -> dict[str, Any]:
    return snapshot.to_json() | {"made": snapshot.made, "kilobytes": snapshot.size // 1024}


def _document(snapshot: Snapshot, done: Restored) -> dict[str, Any]:
    same = ("table", "newer", "changed", "missing", "examples")
    differences = [{name: getattr(each, name) for name in same} for each in done.differences if each]
    return {"name": snapshot.name, "repair": done.repair.id if done.repair else None, "differences": differences}
