"""`rally-health feedback`: what people complained of, and whether a rule had seen it before they did."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from checks.documents import plain_value
from checks.feedback import (
    Complaint,
    add_complaint,
    complaints,
    erase_complaint,
    link_complaint,
    link_complaints,
    texts_of,
)
from flows.cli.shared import JsonFile, Since, Until, one_moment, print_folded, print_rows, shown_as_json, span_of
from flows.service.context import on_platform, open_engine, utc

app = typer.Typer(
    help="What people complained of, and whether a rule had seen it before they did.", no_args_is_help=True
)
ComplaintNumber = Annotated[int, typer.Argument(help="Its number in `rally-health feedback list`.")]
EnteredBy = Annotated[str | None, typer.Option(help="Who does it; without it, the name of this user account.")]
LISTED = ("id", "at", "league", "team", "seen", "rule", "incident")


@app.command()
def add(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    league: Annotated[str, typer.Option(help="The league that it is about, such as CNSWPL.")],
    text: Annotated[str, typer.Option(help="What they said; telephone numbers and addresses are not kept.")],
    team: Annotated[str, typer.Option(help="The team that it is about, by its own name.")] = "",
    at: Annotated[str | None, typer.Option(metavar="WHEN", help="When they noticed: a day, a moment, 2h ago.")] = None,
    by: EnteredBy = None,
    json_file: JsonFile = None,
) -> None:
    """Enter a complaint; it is linked to the incident that it is about, where league, team and time agree.

    The words are shown to nobody who may not see whole rows (RALLY_SHOW_ROWS), and stand in no report.

    Examples: `rally-health feedback add --league APTA_CHICAGO --team "Birchwood - 11" --text "we have no matches"`,
    `rally-health feedback add --league CITA --text "results of last week are missing" --at 2025-06-28`
    """
    when = one_moment("--at", at, context.obj) or utc()
    with on_platform(context.obj) as connection:
        entered, remark = add_complaint(
            connection, at=when, league=league, team=team, text=text, by=by or getpass.getuser()
        )
    if remark:
        typer.secho(f"note: {remark}", fg=typer.colors.YELLOW, err=True)
    if not shown_as_json(json_file, _document(entered)):
        print_folded(_said(entered))


@app.command("list")
def list_feedback(context: typer.Context, since: Since = None, until: Until = None, json_file: JsonFile = None) -> None:
    """List complaints, newest first, and which rule had seen what each is about.

    Examples: `rally-health feedback list`, `rally-health feedback list --since 2w --json`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        link_complaints(connection, utc())
        listed = complaints(connection, span_of(context))
        texts = texts_of(connection, [each.id for each in listed]) if context.obj.show_rows else {}
    rows = [_document(each) | ({"text": texts[each.id]} if texts else {}) for each in listed]
    shown = [row | {"at": each.at, "seen": each.noticed.value} for row, each in zip(rows, listed, strict=True)]
    nothing = "Nobody complained. Next: rally-health feedback add --help"
    if not shown_as_json(json_file, rows):
        print_rows(shown, (*LISTED, *(["text"] if texts else [])), json_file=None, nothing=nothing)


@app.command()
def link(
    context: typer.Context,
    number: ComplaintNumber,
    incident: Annotated[
        int | None, typer.Argument(help="The incident that it is about; without one: no rule has seen it.")
    ] = None,
    by: EnteredBy = None,
) -> None:
    """Say which incident a complaint is about, or that no rule has seen it: what a person says stays.

    Examples: `rally-health feedback link 3 7`, `rally-health feedback link 3`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        print_folded(_said(link_complaint(connection, number, incident, by or getpass.getuser())))


@app.command()
def erase(context: typer.Context, number: ComplaintNumber) -> None:
    """Take the words of a complaint away; that there was one stays.

    Example: `rally-health feedback erase 3`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        erased = erase_complaint(connection, number)
    typer.echo(f"The words of complaint {erased.id} are gone.")


def _said(each: Complaint) -> str:
    head = f"Complaint {each.id} of {each.about}, {each.at:%Y-%m-%d %H:%M}: "
    if each.incident is None:
        return f"{head}no rule has seen it. Next: rally-health feedback link {each.id} INCIDENT, or a rule that would"
    when = "had seen it before" if each.seen_at is not None and each.seen_at <= each.at else "saw it later"
    return f"{head}{each.rule} {when}. Next: rally-health incidents show {each.incident}"


def _document(each: Complaint) -> dict[str, Any]:
    document: dict[str, Any] = plain_value(each)
    return document | {"noticed": each.noticed.value}
