"""`rally-health waive`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from checks import history
from checks.engine.authoring.errors import WaiverError
from checks.engine.judging.findings import key_text_of
from checks.engine.judging.judge import Waiver
from flows.cli.shared import day, one_rule
from flows.service.context import open_engine
from flows.service.health_check import rules_of, today_here


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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Accept a rule's trouble, or one bad row of it, until a day. A waiver that is over fails the next check.

    Examples: `rally-health waive`,
    `rally-health waive match_without_teams --until 2026-09-01 --owner kim --reason "league rescrapes in August"`,
    `rally-health waive match_without_teams --key 5f0c1d2e3a4b5c6d --until 2026-09-01 --owner kim --reason "bye week"`
    """
    today = today_here()
    with open_engine(context.obj) as engine, engine.begin() as connection:
        if withdraw is not None:
            told: tuple[Waiver, ...] = (history.withdraw(connection, withdraw),)
        elif rule is None:
            told = history.active_waivers(connection)
        else:
            one_rule(rules_of(context.obj), rule)
            wanted = Waiver(
                rule=rule,
                until=day(_given("--until", until)) or today,
                owner=_given("--owner", owner),
                reason=_given("--reason", reason),
            )
            told = (history.waive(connection, wanted, key, today=today),)
    if as_json:
        typer.echo(json.dumps([_described(waiver) for waiver in told], indent=2))
        return
    for waiver in told:
        state = "withdrawn" if withdraw is not None else "OVER" if waiver.expired(today) else "valid"
        typer.echo(f"{waiver.id:4} {state:9} {waiver}")
    if not told:
        typer.echo("Nothing is waived.")


def _given(option: str, value: str | None) -> str:
    if value is None or not value.strip():
        raise WaiverError(f"a waiver needs {option}; someone will ask")
    return value


def _described(waiver: Waiver) -> dict[str, Any]:
    return {
        "id": waiver.id,
        "rule": waiver.rule,
        "fingerprint": None if waiver.fingerprint is None else key_text_of(waiver.fingerprint),
        "key": waiver.key,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until.isoformat(),
    }
