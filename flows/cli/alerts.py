"""`rally-health alerts` and `watch`: who is notified of what, whether it arrived, and the dead man's switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alerts.channels import State
from alerts.outbox.dispatch import Dispatched
from alerts.outbox.dispatch import dispatch as send
from alerts.outbox.enqueue import Line, Preview, enqueue_test, outbox
from alerts.outbox.enqueue import preview as look_ahead
from alerts.outbox.enqueue import resend as send_again
from flows.bridge.entry import run
from flows.cli import shared
from flows.service.alerts import Watched, dispatch_round, required_policy, watch_once, work_of
from flows.service.context import Invocation, open_engine, utc

if TYPE_CHECKING:
    from prefect import Flow

app = typer.Typer(help="Who is notified of what, and whether it was delivered.", no_args_is_help=True)


@app.command()
def dispatch(context: typer.Context, json_file: shared.JsonFile = None) -> None:
    """Send what is due: alerts that wait, repetitions, escalations; look up what became of earlier ones.

    Run it every few minutes. Several at once do no harm.

    Exit codes: 0 done, 4 messages wait (a provider is away, or refuses the set-up), 5 a message became a dead letter.

    Example: `rally-health alerts dispatch`
    """
    invocation = Invocation(context.obj)
    done = run(invocation, dispatch_round, _dispatch_flow)
    shared.say_lost(invocation)
    if not shared.shown_as_json(json_file, _document(done)):
        typer.echo(said(done))
    raise typer.Exit(ending(done))


def _dispatch_flow() -> Flow[..., Any]:
    from flows.flows import dispatch_alerts  # noqa: PLC0415 - Prefect takes two seconds to import

    return dispatch_alerts


@app.command("test")
def try_out(
    context: typer.Context,
    to: Annotated[list[str] | None, typer.Option("--to", metavar="NAME", help="A person of the policy.")] = None,
) -> None:
    """Send a test message by each channel, to the people named or to all.

    Exit codes: 0 sent, 4 it waits (a provider is away, or refuses the set-up), 5 it became a dead letter.

    Examples: `rally-health alerts test`, `rally-health alerts test --to kim`
    """
    with open_engine(context.obj) as engine:
        work = work_of(context.obj, engine)
        with engine.begin() as connection:
            numbers = enqueue_test(connection, work.policy, utc(), to or ())
        done = send(work, only=numbers)
        with engine.begin() as connection:
            _print(outbox(connection, numbers=numbers), None)
    raise typer.Exit(ending(done))


@app.command("outbox")
def outbox_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    state: Annotated[list[State] | None, typer.Option(help="Only messages of this state.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only dead letters: a person has to decide.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    since: shared.Since = None,
    until: shared.Until = None,
    json_file: shared.JsonFile = None,
) -> None:
    """List messages, newest first: who was notified of what, when, and how it went.

    Examples: `rally-health alerts outbox`, `rally-health alerts outbox --dead`,
    `rally-health alerts outbox --since 12h`
    """
    states = [one for one in State if one.dead] if dead else state or []
    with open_engine(context.obj) as engine, engine.begin() as connection:
        lines = outbox(connection, states, limit=limit, span=shared.span_of(context))
    _print(lines, json_file)
    lost = next((line.id for line in lines if line.state.dead), None)
    if lost and json_file != shared.STDOUT:
        typer.echo(f"Next, once the cause is mended: rally-health alerts resend {lost}")


@app.command()
def resend(
    context: typer.Context, numbers: Annotated[list[int], typer.Argument(help="Numbers in `alerts outbox`.")]
) -> None:
    """Send dead letters once more.

    Example: `rally-health alerts resend 12 13`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        for number in numbers:
            send_again(connection, number, utc())
    typer.echo("They are queued. Next: rally-health alerts dispatch")


@app.command()
def preview(context: typer.Context, each: shared.Each = False, json_file: shared.JsonFile = None) -> None:
    """Show what would be sent now, to whom and why, and why others are not notified. Nothing is sent.

    Example: `rally-health alerts preview`
    """
    policy = required_policy(context.obj)
    with open_engine(context.obj) as engine, engine.begin() as connection:
        shown = look_ahead(connection, policy, utc())
    if shared.shown_as_json(json_file, _previewed(shown)):
        return
    for message, content in shown.messages:
        note = f" ({content.note})" if content.note else ""
        typer.secho(f"{message.channel} to {message.recipient}, {message.reason}{note}", bold=True)
        typer.echo(content.text)
    rows, columns = [_why(one) for one in _previewed(shown)["decisions"]], ("incident", "title", *DECIDED, "why")
    nothing = "No incident concerns anybody of the policy."
    shared.print_by_rule(rows, columns, each=each, by=("rule", *DECIDED), nothing=nothing)


DECIDED = ("recipient", "channel", "now")


def ending(done: Dispatched) -> shared.Exit:
    """The exit code of a round."""
    if done.dead:
        return shared.Exit.PARTIAL
    return shared.Exit.INFRASTRUCTURE if done.waiting else shared.Exit.OK


def said(done: Dispatched) -> str:
    """A round in a line, and what to do next."""
    attempts = ", ".join(f"{number} {state}" for state, number in sorted(done.attempts.items())) or "nothing to send"
    lines = [f"{attempts}; {done.planned} planned, {done.acknowledged} acknowledged by reply."]
    if done.waiting:
        lines.append(f"{done.waiting} wait for another try. Next: rally-health alerts dispatch in a minute")
    if done.dead:
        lines.append("Next: rally-health alerts outbox --dead")
    return "\n".join(lines)


def _document(done: Dispatched) -> dict[str, object]:
    return {"planned": done.planned, "acknowledged": done.acknowledged, "waiting": done.waiting, "dead": done.dead,
            "attempts": {str(state): number for state, number in done.attempts.items()},
            "followed": {str(state): number for state, number in done.followed.items()}}  # fmt: skip


def _print(lines: Sequence[Line], json_file: Path | None) -> None:
    columns = ("id", "state", "channel", "recipient", "reason", "subject", "created_at", "attempts", "error")
    shared.print_rows([asdict(line) for line in lines], columns, json_file=json_file, nothing="The outbox is empty.")


def _previewed(shown: Preview) -> dict[str, list[dict[str, object]]]:
    return {
        "messages": [
            {"recipient": message.recipient, "channel": message.channel.value, "reason": message.reason.value,
             "subject": content.subject, "text": content.text, "note": content.note,
             "incidents": [item.incident.id for item in message.items]}
            for message, content in shown.messages
        ],
        "decisions": [
            {"incident": one.incident.id, "rule": one.incident.rule, "title": one.incident.title,
             "recipient": one.recipient, "channel": one.channel.value,
             "reason": one.reason.value if one.reason else None, "why": one.why}
            for one in shown.decisions
        ],
    }  # fmt: skip


def _why(decision: dict[str, object]) -> dict[str, object]:
    return decision | {"now": "notified" if decision["reason"] else "not notified"}


def watch_command(context: typer.Context, json_file: shared.JsonFile = None) -> None:
    """Notify somebody when health checks are silent: the dead man's switch.

    Run it every hour, on another machine than the checks. It tells the watchers of the alert policy when no health
    check has finished for 26 hours, when messages wait that nobody sends, and when the database is away.

    Exit codes: 0 all is well, 1 there was an alarm, 4 the database is away, 5 nobody could be notified.

    Example: `rally-health watch`
    """
    invocation = Invocation(context.obj)
    seen = run(invocation, watch_once, _watch_flow)
    shared.say_lost(invocation)
    document = {"alarms": list(seen.alarms), "told": seen.told, "failed": seen.failed, "away": seen.away}
    if not shared.shown_as_json(json_file, document):
        for alarm in seen.alarms or ("Health checks run.",):
            typer.echo(alarm)
        if seen.told or seen.failed:
            typer.echo(f"{seen.told} told, {seen.failed} could not be told. Next: rally-health alerts outbox")
    raise typer.Exit(_ending(seen))


def _watch_flow() -> Flow[..., Any]:
    from flows.flows import watch  # noqa: PLC0415 - Prefect takes two seconds to import

    return watch


def _ending(seen: Watched) -> shared.Exit:
    if seen.failed:
        return shared.Exit.PARTIAL
    if seen.away:
        return shared.Exit.INFRASTRUCTURE
    return shared.Exit.CHECKS_FAILED if seen.alarms else shared.Exit.OK
