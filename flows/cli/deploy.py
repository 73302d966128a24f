"""`rally-health deploy`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flows.api import api_url, silence
from flows.cli.exits import Exit
from flows.settings import SettingsError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def deploy(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Only say what is missing.")] = False,
    automations: Annotated[
        bool, typer.Option("--automations", help="Create the automations as well, in place of earlier ones.")
    ] = False,
) -> None:
    """Deploy the flows of prefect.yaml with their schedules, and say what a run would miss.

    It asks nothing. A work pool that is not there is made as a process pool; start its worker on the machine that has
    the database settings and the feeds in its environment.

    Exit codes: 0 deployed, 2 no API is set or this is no checkout, 4 the API does not answer, 5 something failed.

    Examples: `rally-health deploy`, `rally-health deploy --check`, `rally-health deploy --automations`
    """
    url = api_url(context.obj)
    if url is None:
        raise SettingsError("no Prefect API is set; set PREFECT_API_URL, such as http://127.0.0.1:4200/api")
    away = silence(url)
    if away:
        _fail(f"the Prefect API at {url} does not answer ({away}); start it with `prefect server start`", 4)
    from flows import deploying  # noqa: PLC0415 - Prefect takes two seconds to import

    try:
        pools = sorted({deployment.pool for deployment in deploying.declared()})
    except FileNotFoundError:
        raise SettingsError(f"there is no {deploying.FILE} in {deploying.ROOT}; deploy from a checkout") from None
    for line in deploying.missing(context.obj):
        typer.secho(f"warning: {line}", fg=typer.colors.YELLOW, err=True)
    with deploying.client() as client:
        if not check:
            _deploy(client, pools)
        for pool in deploying.idle_pools(client, pools):
            typer.echo(f"No worker is online for the pool {pool!r}. Next: prefect worker start --pool {pool}")
        if automations and not check:
            _automate(client)


def _deploy(client: SyncPrefectClient, pools: list[str]) -> None:
    from flows import deploying  # noqa: PLC0415

    for pool in deploying.make_pools(client, pools):
        typer.echo(f"The work pool {pool!r} was made, for processes on the worker's machine.")
    ended = deploying.deploy()
    if ended.returncode:
        typer.echo(ended.stdout + ended.stderr, err=True)
        _fail("prefect deploy failed; its own words stand above", Exit.PARTIAL)
    for deployment in deploying.declared():
        typer.echo(f"deployed: {deployment.name} ({deployment.entrypoint})")


def _automate(client: SyncPrefectClient) -> None:
    from flows import deploying  # noqa: PLC0415

    for name in deploying.make_automations(client):
        typer.echo(f"automation: {name}")


def _fail(message: str, code: int) -> None:
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)
    sys.exit(code)
