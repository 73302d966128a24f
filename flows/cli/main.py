"""What the log files tell of commands.

Puts the commands together.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from etl.database import describe_error
from flows.cli import alerts, config, etl, fix, incidents, rules, snapshot
from flows.cli.alerts import watch_command
from flows.cli.check import check
from flows.cli.etl import emergency
from flows.cli.imports import import_, imports, names_app, rejects_app
from flows.cli.incidents import waive
from flows.cli.report import backtest_, history, report
from flows.cli.setup import demo, deploy_command, init
from flows.cli.shared import Exit, exit_of, leave
from flows.service.report_files import start_logging
from flows.settings import read_settings, unknown_variables

WORKING = {"alerts", "check", "emergency", "etl", "fix", "import", "init", "report", "snapshot", "watch"}
log = logging.getLogger("rally.command")


def log_command(context: typer.Context) -> None:
    """Log that a command began, and at its end how long it took; of commands that only show something at DEBUG."""
    name, began = context.invoked_subcommand or "", time.monotonic()
    level = logging.INFO if name in WORKING else logging.DEBUG
    log.log(level, "%s began", name)
    context.call_on_close(lambda: log.log(level, "%s ended after %.1f s", name, time.monotonic() - began))


app = typer.Typer(
    name="rally-health",
    help="Import league data that cannot get lost in silence, and watch it by rules.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals can hold a person's row
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init)
app.command("import")(import_)
app.command("imports")(imports)
app.add_typer(rejects_app, name="rejects")
app.add_typer(names_app, name="names")
app.command("check")(check)
app.add_typer(rules.app, name="rules")
app.add_typer(config.app, name="config")
app.command("history")(history)
app.command("report")(report)
app.command("backtest")(backtest_)
app.command("waive")(waive)
app.add_typer(incidents.app, name="incidents")
app.add_typer(alerts.app, name="alerts")
app.command("watch")(watch_command)
app.command("deploy")(deploy_command)
app.add_typer(fix.app, name="fix")
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(etl.app, name="etl")
app.command("emergency")(emergency)
app.command("demo")(demo)


@app.callback()
def configure(
    context: typer.Context,
    database: Annotated[
        str | None, typer.Option(help="PostgreSQL URL; overrides DATABASE_URL. Without either: an embedded server.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log to standard error, as JSON lines.")] = False,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="DEBUG, INFO, WARNING, ERROR or CRITICAL; of log files, too.")
    ] = None,
) -> None:
    """Read the settings once, for every command."""
    settings = read_settings(database_url=database, log_level=log_level and log_level.upper())
    start_logging(settings.reports, settings.log_level, as_json=log_json)
    log_command(context)
    if context.invoked_subcommand != "config":
        for complaint in unknown_variables():
            typer.secho(f"note: {complaint}", fg=typer.colors.YELLOW, err=True)
    context.obj = settings


def main() -> None:
    """Run the command line; an error that a person can mend is one line and an exit code."""
    try:
        app()
    except SystemExit as end:
        leave(end)
        raise
    except DBAPIError as error:
        _fail(describe_error(error), Exit.INFRASTRUCTURE)
    except Exception as error:
        code = exit_of(error)
        if code is None:
            raise
        _fail(str(error), code)


def _fail(message: str, code: Exit) -> None:
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)
    sys.exit(code)
