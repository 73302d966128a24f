"""`rally-health demo` and `deploy`: a season to look at, and the flows on a Prefect server."""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from checks.engine.reporting.report import Report
from checks.render.terminal import print_report
from flows.bridge.entry import api_url, silence
from flows.cli.fix import line as repair_line
from flows.cli.imports import print_report as print_import
from flows.cli.shared import Exit
from flows.service.demo import play
from flows.settings import SettingsError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


PICTURE_WIDTH = 180


def demo(
    context: typer.Context,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the first report as SVG, too.", hidden=True)
    ] = None,
) -> None:
    """Play the incident of 2025 on a generated season: the damage, what the rules say, a proper import, the repairs.

    It uses an embedded database of its own below `.rally/demo`; yours is not touched.

    Example: `rally-health demo`
    """
    console = Console()
    story = play(context.obj, datetime.now(UTC).date(), lambda line: console.print(f"[bold]{line}[/]"))
    console.rule("As the old loader left it", align="left")
    print_report(story.before, console, brief=True)
    console.rule("The import", align="left")
    print_import(story.imported)
    console.rule("After the import", align="left")
    print_report(story.after, console, brief=True)
    console.rule("The repairs", align="left")
    for repair in story.repairs:
        typer.echo(repair_line(repair))
    console.rule("After the repairs", align="left")
    print_report(story.healed, console, brief=True)
    console.print(f"Look around: RALLY_DATA={context.obj.data}/demo rally-health fix history", highlight=False)
    console.print(f"The reports as pages and as JSON: {context.obj.reports}/monitoring_report_*")
    if picture:
        picture.write_text(_drawn(story.before), encoding="utf-8")


def _drawn(report: Report) -> str:
    """The report as SVG, with the reader's own fonts: nothing is loaded from anywhere."""
    console = Console(record=True, width=PICTURE_WIDTH, force_terminal=True, file=io.StringIO())
    print_report(report, console, brief=True)
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="rally-health check"), flags=re.DOTALL)


def deploy_command(
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
    from flows.bridge import deploy  # noqa: PLC0415 - Prefect takes two seconds to import

    try:
        pools = sorted({deployment.pool for deployment in deploy.declared()})
    except FileNotFoundError:
        raise SettingsError(f"there is no {deploy.FILE} in {deploy.ROOT}; deploy from a checkout") from None
    for line in deploy.missing(context.obj):
        typer.secho(f"warning: {line}", fg=typer.colors.YELLOW, err=True)
    with deploy.client() as client:
        if not check:
            _deploy(client, pools)
        for pool in deploy.idle_pools(client, pools):
            typer.echo(f"No worker is online for the pool {pool!r}. Next: prefect worker start --pool {pool}")
        if automations and not check:
            _automate(client)


def _deploy(client: SyncPrefectClient, pools: list[str]) -> None:
    from flows.bridge import deploy  # noqa: PLC0415

    for pool in deploy.make_pools(client, pools):
        typer.echo(f"The work pool {pool!r} was made, for processes on the worker's machine.")
    ended = deploy.deploy_all()
    if ended.returncode:
        typer.echo(ended.stdout + ended.stderr, err=True)
        _fail("prefect deploy failed; its own words stand above", Exit.PARTIAL)
    for deployment in deploy.declared():
        typer.echo(f"deployed: {deployment.name} ({deployment.entrypoint})")


def _automate(client: SyncPrefectClient) -> None:
    from flows.bridge import deploy  # noqa: PLC0415

    for name in deploy.make_automations(client):
        typer.echo(f"automation: {name}")


def _fail(message: str, code: int) -> None:
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)
    sys.exit(code)
