"""`rally-health names`: the team names of feeds, which teams they mean, and what a person confirms."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from etl import leagues
from etl.importing import ledger_queries
from flows.cli.shared import JsonFile, print_rows
from flows.service.context import on_platform

names_app = typer.Typer(help="Team names of feeds, and the teams that they mean.", no_args_is_help=True)
Series = Annotated[str, typer.Option(help="Only in this series; without it in the whole league.")]


@names_app.command()
def unresolved(context: typer.Context, json_file: JsonFile = None) -> None:
    """List the names that mean no team, the most frequent first, and why.

    Example: `rally-health names unresolved`
    """
    with on_platform(context.obj) as connection:
        rows = [asdict(name) for name in ledger_queries.open_names(connection)]
    columns = ("league", "series", "name", "sides", "reason")
    print_rows(rows, columns, json_file=json_file, nothing="Every name means a team.")


@names_app.command()
def suggest(context: typer.Context, json_file: JsonFile = None) -> None:
    """List the names that mean no team with the teams that they may mean, for you to confirm as aliases.

    Example: `rally-health names suggest`
    """
    with on_platform(context.obj) as connection:
        open_names = ledger_queries.open_names(connection, suggest=True)
    rows = [
        asdict(name) | {"may mean": "; ".join(f"{team} {sure:.0%}" for _, team, sure in name.suggestions)}
        for name in open_names
    ]
    print_rows(
        rows, ("league", "series", "name", "sides", "may mean"), json_file=json_file, nothing="Every name means a team."
    )


@names_app.command()
def alias(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    league: Annotated[str, typer.Argument(help="The league, such as APTA_CHICAGO.")],
    name: Annotated[str, typer.Argument(help="The name as the feed spells it.")],
    team: Annotated[str | None, typer.Argument(help="The team's own name.")] = None,
    series: Series = "",
    by: Annotated[str | None, typer.Option(help="Who confirms it; you, without it.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias back.")] = False,
) -> None:
    """Confirm that a name means a team. The next import of its feed, or a replay of its rejects, uses it.

    Example: `rally-health names alias APTA_CHICAGO "Birchwud - 11" "Birchwood - 11" --series "Chicago 11"`
    """
    home = leagues.canonical(league)
    if team is None and not remove:
        raise typer.BadParameter("say the team that the name means, or --remove")
    with on_platform(context.obj) as connection:
        if team is not None and not remove:
            ledger_queries.confirm_alias(connection, home, name, team, series=series, who=by or getpass.getuser())
            said = f"{name!r} means {team!r} in {home} from now on."
        elif ledger_queries.forget_alias(connection, home, name, series=series):
            said = f"{name!r} is no alias in {home} any more."
        else:
            raise ledger_queries.AliasError(f"{name!r} is no alias in {home}; `rally-health names aliases` lists them")
    typer.echo(f"{said}\nNext: rally-health import, which tries held parts again, and rally-health rejects replay")


@names_app.command()
def aliases(context: typer.Context, json_file: JsonFile = None) -> None:
    """List the confirmed names, with who confirmed them and when.

    Example: `rally-health names aliases --json`
    """
    with on_platform(context.obj) as connection:
        rows = ledger_queries.aliases(connection)
    columns = ("league", "series", "name", "team_name", "confirmed_by", "confirmed_at")
    print_rows(rows, columns, json_file=json_file, nothing="No name is confirmed.")
