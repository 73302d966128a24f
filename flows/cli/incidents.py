"""`rally-health incidents`, `waive`, `accept`: what is wrong since when, who is at it, and what is accepted."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from alerts.incidents import Incident
from alerts.incidents.store import Event, acknowledge_by_token, all_events, find, listed
from alerts.incidents.store import acknowledge as acknowledge_one
from alerts.incidents.store import assign as assign_to
from alerts.incidents.store import note as note_down
from alerts.incidents.store import resolve as resolve_by_hand
from checks import baseline, waivers
from checks.engine.authoring import WaiverError
from checks.engine.authoring.units import figure_text
from checks.engine.collecting.rules import Selection
from checks.engine.judging.findings import key_text_of
from checks.engine.judging.judge import Waiver
from checks.feedback import complaints
from flows.cli import shared
from flows.service.context import open_engine, utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
app = typer.Typer(help="What is wrong since when, and who is at it.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Its number in `rally-health incidents list`.")]
By = Annotated[str | None, typer.Option(help="Who does it; without it, the name of this user account.")]
Decider = Annotated[str, typer.Option(metavar="NAME", help="Who does it; else the user of this machine.")]


@app.command("list")
def list_incidents(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    days: Annotated[int, typer.Option("--resolved", metavar="DAYS", help="Also those resolved in so many days.")] = 0,
    everything: Annotated[bool, typer.Option("--all", help="Also all that were ever resolved.")] = False,
    since: shared.Since = None,
    until: shared.Until = None,
    each: shared.Each = False,
    json_file: shared.JsonFile = None,
) -> None:
    """List open incidents, worst first, of each rule the worst ten. `--since` and `--until` are about when they began.

    Examples: `rally-health incidents list`, `rally-health incidents list --resolved 7 --json`,
    `rally-health incidents list --all`, `rally-health incidents list --all --since 7d`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        resolved = EPOCH if everything else utc() - timedelta(days=days) if days else None
        incidents = listed(connection, resolved_since=resolved, span=shared.span_of(context))
    columns = ("id", "status", "severity", "title", "measurement", "state", "opened_at", "assignee")
    rows = [_row(one) for one in incidents]
    if not shared.shown_as_json(json_file, rows):
        shared.print_by_rule(rows, columns, each=each, by=("rule",), nothing="No incident is open.")
    if incidents and json_file != shared.STDOUT:
        typer.echo(f"Next: rally-health incidents show {incidents[0].id}")


@app.command("show")
def show_incident(context: typer.Context, number: Number, json_file: shared.JsonFile = None) -> None:
    """Show an incident with its story.

    Example: `rally-health incidents show 7`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        incident, story = find(connection, number), all_events(connection, number)
        heard = complaints(connection, incident=number)
    if shared.shown_as_json(json_file, _row(incident) | {"events": story}):
        return
    for line in _described(incident):
        shared.print_folded(line)
    for event in story:
        shared.print_folded(_told(event))
    for each in heard:
        typer.echo(f"  {each.at:%Y-%m-%d %H:%M}  complaint {each.id} of {each.about}: seen {each.noticed}")
    if incident.state == "open":
        typer.echo(f"Next: rally-health incidents ack {number}")


@app.command()
def ack(
    context: typer.Context,
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of incidents.")] = None,
    token: Annotated[str | None, typer.Option(help="The token at the end of an alert.")] = None,
    by: By = None,
) -> None:
    """Acknowledge: somebody is at it. It is neither repeated nor escalated until it gets worse.

    An answer to the SMS does the same.

    Examples: `rally-health incidents ack 7 --by kim`, `rally-health incidents ack --token K7QF3M2P`
    """
    if bool(numbers) == bool(token):
        raise typer.BadParameter("name either incidents by number or one message by --token")
    with open_engine(context.obj) as engine, engine.begin() as connection:
        if token:
            touched = list(acknowledge_by_token(connection, token, utc(), by=by))
        else:
            touched = [acknowledge_one(connection, number, _who(by), utc()) for number in numbers or ()]
    _confirm(touched)


@app.command()
def resolve(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why it is over.")],
    by: By = None,
) -> None:
    """Close an incident by hand. A run that still sees it within a day opens it again.

    Example: `rally-health incidents resolve 7 --reason "league has ended" --by kim`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        _confirm([resolve_by_hand(connection, number, _who(by), utc(), reason)])


@app.command()
def assign(
    context: typer.Context, number: Number, to: Annotated[str, typer.Option(help="Who looks after it.")], by: By = None
) -> None:
    """Say who looks after an incident.

    Example: `rally-health incidents assign 7 --to kim`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        _confirm([assign_to(connection, number, to, _who(by), utc())])


@app.command()
def note(
    context: typer.Context, number: Number, text: Annotated[str, typer.Argument(help="What to note.")], by: By = None
) -> None:
    """Add a line to an incident's story.

    Example: `rally-health incidents note 7 "league has been asked for a new feed"`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        _confirm([note_down(connection, number, text, _who(by), utc())])


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _confirm(touched: list[Incident]) -> None:
    for incident in touched:
        by = f" by {incident.acknowledged_by}" if incident.state == "acknowledged" else ""
        assigned = f", assigned to {incident.assignee}" if incident.assignee else ""
        typer.echo(f"{incident.id}: {incident.title} is {incident.state}{by}{assigned}")
    if not touched:
        typer.secho("The message is about no incident.", err=True)
        raise typer.Exit(shared.Exit.USAGE)


def _row(incident: Incident) -> dict[str, Any]:
    clusters = [{"text": text} for text in incident.clusters]
    return asdict(incident) | {"title": incident.title, "state": incident.state, "clusters": clusters}


def _described(incident: Incident) -> list[str]:
    facts = [
        ("status", f"{incident.status} since {incident.since:%Y-%m-%d %H:%M %Z}, worst {incident.worst}"),
        ("found", incident.error or incident.measurement),
        ("since last run", incident.change),
        ("where", "; ".join(incident.clusters)),
        ("examples", "; ".join(json.dumps(key, ensure_ascii=False) for key in incident.examples)),
        ("acknowledged", incident.acknowledged_by or ""),
        ("assigned to", incident.assignee or ""),
        ("owner", incident.owner),
        ("runbook", incident.runbook),
        ("scope", incident.scope),
    ]
    head = [f"{incident.id}: {incident.title} ({incident.severity}), {incident.state}", f"  {incident.summary}"]
    return head + [f"  {label}: {value}" for label, value in facts if value]


def _told(event: Event) -> str:
    parts = (event.kind.value, f"by {event.actor}" if event.actor else "", event.text)
    return f"  {event.at:%Y-%m-%d %H:%M}  {' '.join(part for part in parts if part)}"


def waive(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    rule: Annotated[str | None, typer.Argument(help="The rule to accept; without one, waivers are listed.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Only this bad row: its key as `check --detailed` shows it, or its JSON.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The last day that it holds.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is accepted.")] = None,
    withdraw: Annotated[int | None, typer.Option(metavar="NUMBER", help="Take a waiver back.")] = None,
    by: Decider = "",
    json_file: shared.JsonFile = None,
) -> None:
    """Accept a rule's trouble, or one bad row of it, until a day. A waiver that is over fails the next check.

    Examples: `rally-health waive`,
    `rally-health waive match_without_teams --until 2026-09-01 --owner kim --reason "league rescrapes in August"`,
    `rally-health waive match_without_teams --key 5f0c1d2e3a4b5c6d --until 2026-09-01 --owner kim --reason "bye week"`
    """
    from flows.service.context import today_here  # noqa: PLC0415 - incidents need no rules

    today = today_here()
    with open_engine(context.obj) as engine, engine.begin() as connection:
        if withdraw is not None:
            shown: tuple[Waiver, ...] = (waivers.withdraw(connection, withdraw, by.strip() or getpass.getuser()),)
        elif rule is None:
            shown = waivers.active_waivers(connection)
        else:
            shared.one_rule(context.obj, rule)
            wanted = Waiver(
                rule=rule,
                until=shared.day(_given("--until", until)) or today,
                owner=_given("--owner", owner),
                reason=_given("--reason", reason),
                created_by=by.strip() or getpass.getuser(),
            )
            shown = (waivers.waive(connection, wanted, key, today=today),)
    if shared.shown_as_json(json_file, [_waiver_line(waiver) for waiver in shown]):
        return
    for waiver in shown:
        state = "withdrawn" if withdraw is not None else "OVER" if waiver.expired(today) else "valid"
        typer.echo(f"{waiver.id:4} {state:9} {waiver}")
    if not shown:
        typer.echo("Nothing is waived.")


def accept(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    rule: Annotated[str | None, typer.Argument(help="The rule; without one, what was accepted is listed.")] = None,
    reason: Annotated[str, typer.Option(help="Why that is how it is from now on; it is recorded.")] = "",
    by: Decider = "",
    league: Annotated[
        list[str] | None, typer.Option("--league", help="What `check --league` found; repeat as there.")
    ] = None,
    json_file: shared.JsonFile = None,
) -> None:
    """Take a lasting change for usual.

    What a rule with a history found last is then what later readings are compared with; what has nothing to measure any
    more may be empty. Trouble that lasts never becomes usual by itself. A rule with fixed limits is mended, or waived
    until a day.

    Examples: `rally-health accept`, `rally-health accept matches_in_schedule --reason "CITA has left"`,
    `rally-health accept standing_without_team --reason "no standings in summer" --by kim`
    """
    check = None if rule is None else shared.one_rule(context.obj, rule)
    with open_engine(context.obj) as engine, engine.begin() as connection:
        if check is None:
            accepted = baseline.list_acceptances(connection)
        else:
            from flows.service.alerts import accept_change  # noqa: PLC0415 - lists read a few rows

            scope = str(Selection(scope={"league": tuple(league)})) if league else ""
            accepted = accept_change(connection, check, reason, by.strip() or getpass.getuser(), scope)
    if shared.shown_as_json(json_file, accepted):
        return
    for one in accepted:
        typer.echo(acceptance_line(one))
    if check is not None:
        typer.echo(f"Next: rally-health check --name {check.name}")
    elif not accepted:
        typer.echo("No lasting change was accepted.")


def acceptance_line(accepted: baseline.Acceptance) -> str:
    """An acceptance on one line."""
    title = f"{accepted.rule}[{accepted.parameter}]" if accepted.parameter else accepted.rule
    title += f" of {accepted.scope}" if accepted.scope else ""
    usual = "nothing to measure" if accepted.value is None else figure_text(accepted.value, None)
    return f"{accepted.at:%Y-%m-%d %H:%M} {title}: {usual} is usual from then on, by {accepted.by}: {accepted.reason}"


def _given(option: str, value: str | None) -> str:
    if value is None or not value.strip():
        raise WaiverError(f"a waiver needs {option}; someone will ask")
    return value


def _waiver_line(waiver: Waiver) -> dict[str, Any]:
    return {
        "id": waiver.id,
        "rule": waiver.rule,
        "fingerprint": None if waiver.fingerprint is None else key_text_of(waiver.fingerprint),
        "key": waiver.key,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until,
        "created_by": waiver.created_by or None,
    }
