"""`rally-health etl` and `emergency`: imports are stopped, resumed, and brought back step by step."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, select

from etl import circuit_breaker
from etl.leagues import LEAGUES, canonical
from etl.tables import leagues as league_table
from flows.cli.deploy import paused_in_prefect, resume_in_prefect
from flows.cli.shared import Exit, JsonFile, Yes, shown_as_json
from flows.service.context import open_engine

app = typer.Typer(help="Stop all imports, and let them run again.", no_args_is_help=True)

Why = Annotated[str, typer.Option("--reason", help="Why; it is recorded with your name.")]


OfLeague = Annotated[str, typer.Option("--league", help="Only of this league.")]
OfKind = Annotated[str, typer.Option("--kind", help="Only of this kind, such as match_history.")]


@app.command("stop")
def stop(context: typer.Context, reason: Why, league: OfLeague = "", kind: OfKind = "") -> None:
    """Stop all imports, from the command line and from deployments, until somebody resumes; or only some.

    Examples: `rally-health etl stop --reason "the scraper sends last year's season"`,
    `rally-health etl stop --league CNSWPL --kind players --reason "another site"`
    """
    home, kind = _scope(league, kind)
    with open_engine(context.obj) as engine, engine.begin() as connection:
        _require_league(connection, home)
        held = circuit_breaker.stop(connection, _given(reason), getpass.getuser(), league=home, kind=kind)
    typer.echo(f"{_sentence(held)}. Next, when it is mended: {held.how_to_resume}")


@app.command("resume")
def resume(context: typer.Context, reason: Why, league: OfLeague = "", kind: OfKind = "") -> None:
    """Let imports run again, and deployments that are paused in Prefect; with --league or --kind only those.

    Example: `rally-health etl resume --reason "the scraper is mended"`
    """
    home, kind = _scope(league, kind)
    with open_engine(context.obj) as engine, engine.begin() as connection:
        ended = circuit_breaker.resume(connection, _given(reason), getpass.getuser(), league=home, kind=kind)
    for name in resume_in_prefect(context.obj):
        typer.echo(f"The deployment {name} was paused in Prefect, and is resumed.")
    if not ended:
        typer.echo("Imports were not stopped. Next: rally-health import PATH")
    for one in ended:
        since = f"{one.at:%Y-%m-%d %H:%M} UTC by {one.by}: {one.reason}"
        typer.echo(f"I{one.what[1:]} may run again; they were stopped since {since}. Next: rally-health import PATH")


@app.command("status")
def status(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many earlier stops to show.")] = 5,
    json_file: JsonFile = None,
) -> None:
    """Say whether imports may run, which deployments are paused in Prefect, and which stops there were.

    Exit codes: 0 they may run, 3 they are stopped.

    Example: `rally-health etl status`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        held, stops = circuit_breaker.stops_in_force(connection), circuit_breaker.stop_history(connection, limit)
    paused = paused_in_prefect(context.obj)
    if not shown_as_json(json_file, {"running": not held, "paused": paused, "stops": stops}):
        typer.echo("\n".join(f"{_sentence(one)}." for one in held) or "Imports may run.")
        for name in paused:
            typer.echo(f'  The deployment {name} is paused in Prefect. Next: rally-health etl resume --reason "..."')
        for earlier in stops:
            if earlier.resumed_at:
                ended = f"{earlier.resumed_at:%Y-%m-%d %H:%M} by {earlier.resumed_by}: {earlier.resume_reason}"
                typer.echo(f"  stopped {earlier.at:%Y-%m-%d %H:%M} by {earlier.by}: {earlier.reason}; resumed {ended}")
    if held:
        raise typer.Exit(3)


def _sentence(held: circuit_breaker.Stop) -> str:
    text = str(held)
    return text[0].upper() + text[1:]


def _scope(league: str, kind: str) -> tuple[str, str]:
    """What is stopped or resumed, by its canonical names."""
    from etl.kinds import KINDS  # noqa: PLC0415 - most commands of here need no kinds

    known = [own.name for own in KINDS]
    if kind and kind not in known:
        raise typer.BadParameter(f"{kind!r} is no kind of feed; expected one of {', '.join(known)}")
    return canonical(league), kind


def _require_league(connection: Connection, league: str) -> None:
    """Refuse a league that neither the database nor Rally knows: a slip would stop nothing, in silence."""
    known = {*connection.scalars(select(league_table.c.league_id)), *LEAGUES}
    if league and league not in known:
        near = ", ".join(get_close_matches(league, sorted(known)) or sorted(known))
        raise typer.BadParameter(f"--league: no league is called {league!r}; the nearest are {near}")


def _given(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("--reason is empty; someone will ask")
    return reason


def emergency(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="What happened, in a sentence; it is recorded.")],
    notify: Annotated[bool, typer.Option("--notify/--no-notify", help="Tell the people of the alert policy.")] = True,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the incident record; else among the reports.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Walk through an emergency: stop imports, assess, notify, propose the fixes, verify, resume, and record it all.

    On a terminal each fix and the resuming are asked for. Elsewhere nothing is fixed or resumed without --yes. The
    record is Markdown with a timeline for the post-mortem.

    Exit codes: 0 healthy in the end and imports run again, 1 still in trouble, 3 imports are left stopped, 4 database
    away, 5 something could not be measured.

    Examples: `rally-health emergency --reason "captains report missing schedules"`,
    `rally-health emergency --reason "nightly import went wrong" --yes`
    """
    from checks.engine.reporting.verdict import Exit as Ended  # noqa: PLC0415 - see below
    from flows.service.emergency import Deed, Emergency, Walk, path_of, write_record  # noqa: PLC0415 - the providers of alerts take a second to import

    def tell(deed: Deed) -> None:
        typer.echo(f"{deed.at:%H:%M:%S} {deed.step:7} {deed.text}")

    began = datetime.now(UTC)
    ask = _always if yes else _on_terminal
    with open_engine(context.obj, application="rally-health emergency") as engine:
        walk = Walk(engine, context.obj, Emergency(reason), tell, ask)
        try:
            walk.all(notify=notify)
        finally:
            # also where a step failed: what was done so far is what the post-mortem needs
            if walk.emergency.deeds:
                written = write_record(walk.emergency, record or path_of(context.obj.reports, began))
                typer.echo(f"The incident record: {written}")
    after = walk.emergency.after
    code: int = after.exit_code() if after else Ended.FAILED
    if code:
        typer.echo("Next: rally-health check --detailed")
    elif walk.emergency.resumed:
        typer.echo("Next: finish the incident record")
    else:
        typer.echo('Imports are left stopped. Next: rally-health etl resume --reason "..."')
    raise typer.Exit(code or (Exit.OK if walk.emergency.resumed else Exit.REFUSED))


def _always(question: str) -> bool:
    return True


def _on_terminal(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question)
