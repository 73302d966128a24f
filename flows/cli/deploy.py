"""`rally-health deploy`: the flows on a Prefect server, what is missing there, and what is kept there for how long."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from checks.engine.authoring.units import number_of
from flows.bridge.entry import api_url, silence
from flows.cli.shared import Exit, JsonFile, shown_as_json
from flows.settings import Settings, SettingsError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from flows.bridge.deploy import Declared

DENIED = {401, 403}


def deploy_command(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Only say what is in order and what is not.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what deploying would change.")] = False,
    automations: Annotated[
        bool, typer.Option("--automations", help="Create the automations as well, in place of earlier ones.")
    ] = False,
    prune_runs: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, help="Only delete our runs that ended so many days ago.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Deploy the flows of prefect.yaml with their schedules, and say what a run would miss.

    It asks nothing. A work pool that is not there is made, of the type that prefect.yaml gives it; start its worker on
    the machine that has the database settings and the feeds in its environment. What a person has paused stays paused.

    Exit codes: 0 done, 1 something is not in order (--check), 2 no API is set, it refuses the key, or this is no
    checkout, 4 the API does not answer, 5 something failed.

    Examples: `rally-health deploy`, `rally-health deploy --check`, `rally-health deploy --dry-run`,
    `rally-health deploy --automations`, `rally-health deploy --prune-runs 30`
    """
    url = _answering_api(context.obj)
    from flows.bridge import deploy  # noqa: PLC0415 - Prefect takes two seconds to import

    wanted = deploy.declared()
    with deploy.client() as client:
        _require_access(client, url)
        if check:
            _check(client, context.obj, wanted, json_file)
        elif prune_runs is not None:
            gone = deploy.prune_runs(client, prune_runs)
            typer.echo(f"{number_of(gone, 'runs')} deleted that ended {number_of(prune_runs, 'days')} ago or earlier.")
        elif dry_run:
            lines = [*deploy.changes(client, wanted)]
            if not shown_as_json(json_file, lines):
                typer.echo("\n".join(lines or ["Nothing would change."]))
        else:
            _deploy(client, context.obj, wanted, automations=automations)


def _answering_api(settings: Settings) -> str:
    url = api_url(settings)
    if url is None:
        raise SettingsError("no Prefect API is set; set PREFECT_API_URL, such as http://127.0.0.1:4200/api")
    away = silence(url)
    if away:
        _fail(f"the Prefect API at {url} does not answer ({away}); start it with `prefect server start`", 4)
    return url


def _require_access(client: SyncPrefectClient, url: str) -> None:
    from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415 - as above

    try:
        client.read_work_pools(limit=1)
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status not in DENIED:
            raise
        raise SettingsError(
            f"the Prefect API at {url} refuses this key (HTTP {status}); set PREFECT_API_KEY (Cloud) or"
            " PREFECT_API_AUTH_STRING (a server with a password)"
        ) from None


def _check(client: SyncPrefectClient, settings: Settings, wanted: Declared, json_file: Path | None) -> None:
    from flows.bridge.doctor import examine_deployment  # noqa: PLC0415

    findings = [*examine_deployment(client, settings, wanted)]
    if not shown_as_json(json_file, [asdict(finding) | {"in_order": finding.in_order} for finding in findings]):
        for finding in findings:
            mark = typer.style("ok  ", fg=typer.colors.GREEN) if finding.in_order else typer.style("todo", fg="yellow")
            typer.echo(f"{mark} {finding.what}: {finding.found}{f'. Next: {finding.todo}' if finding.todo else ''}")
    raise typer.Exit(Exit.OK if all(finding.in_order for finding in findings) else Exit.CHECKS_FAILED)


def _deploy(client: SyncPrefectClient, settings: Settings, wanted: Declared, *, automations: bool) -> None:
    from flows.bridge import deploy  # noqa: PLC0415
    from flows.bridge.automations import make_automations  # noqa: PLC0415

    for sentence in deploy.missing(settings):
        typer.secho(f"warning: {sentence}", fg=typer.colors.YELLOW, err=True)
    lines = [*deploy.changes(client, wanted)]
    deploy.make_pools(client, wanted)
    ended = deploy.deploy_all()
    if ended.returncode:
        typer.echo(ended.stdout + ended.stderr, err=True)
        _fail("prefect deploy failed; its own words stand above", Exit.PARTIAL)
    deploy.limit_queues(client, wanted)
    deploy.take_off_schedules(client, wanted)
    for line in lines or ["Nothing has changed."]:
        typer.echo(line)
    if automations:
        for name in make_automations(client):
            typer.echo(f"automation: {name}")
    typer.echo("Next: rally-health deploy --check")


def paused_in_prefect(settings: Settings) -> list[str]:
    """Our deployments that somebody paused; none where no API is set or it does not answer."""
    if _is_away(settings):
        return []
    from flows.bridge import deploy  # noqa: PLC0415

    with deploy.client() as client:
        return deploy.paused_deployments(client)


def resume_in_prefect(settings: Settings) -> list[str]:
    """Resume our deployments that somebody paused, and return their names; none where no API answers."""
    if _is_away(settings):
        return []
    from flows.bridge import deploy  # noqa: PLC0415

    with deploy.client() as client:
        return deploy.resume_deployments(client)


def _is_away(settings: Settings) -> bool:
    url = api_url(settings)
    return url is None or bool(silence(url))


def _fail(message: str, code: int) -> None:
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
