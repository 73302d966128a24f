"""The command line: which commands there are, the settings read once, the log, and errors turned into exit codes.

A command's module is imported when the command is run; `--help` imports none of them.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from flows.cli.process import ENDLESS, announce_end, disarm, ended, keep_deadline, leave, own_process, supervise

if TYPE_CHECKING:
    from typer._click import Command, Context


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of `rally-health`, or a group of them: where in `flows.cli` it stands, and its help."""

    place: str
    help: str


COMMANDS = {
    "init": Entry("adopt:init", "Create or update the tables, or adopt an existing Rally database."),
    "doctor": Entry(
        "adopt:doctor",
        "Look at settings, machine and database, and say what is well, what is odd, and what will not work.",
    ),
    "import": Entry(
        "imports:import_", "Import feeds; each is published whole or not at all, and none holds back another."
    ),
    "imports": Entry("imports:imports_app", "Show which feeds were imported, newest first; and what is held."),
    "rejects": Entry("rejects:rejects_app", "Rows that were refused, kept to be tried again."),
    "names": Entry("names:names_app", "Team names of feeds, and the teams that they mean."),
    "check": Entry("check:check", "Run the rules on the database and say how healthy it is."),
    "rules": Entry("rules:app", "The rules that there are."),
    "config": Entry("config:app", "The settings: rally.toml, and the environment, which wins."),
    "history": Entry("report:history", "Show how the score went, or since when a rule is in trouble; newest first."),
    "report": Entry("report:report", "Tell what many runs tell together."),
    "serve": Entry("serve:serve", "Show the page that an operator opens in the morning; read-only."),
    "site": Entry("serve:site", "Write the pages of `serve` as files, for object storage or GitHub Pages."),
    "mcp": Entry("serve:mcp", "Answer an assistant's questions about history, rules and incidents (MCP); read-only."),
    "backtest": Entry("report:backtest_", "Say which of the stored nights a threshold would have alerted."),
    "waive": Entry("incidents:waive", "Accept a rule's trouble, or one bad row of it, until a day."),
    "accept": Entry("incidents:accept", "Take a lasting change for usual."),
    "incidents": Entry("incidents:app", "What is wrong since when, and who is at it."),
    "feedback": Entry("feedback:app", "What people complained of, and whether a rule had seen it before they did."),
    "alerts": Entry("alerts:app", "Who is notified of what, and whether it was delivered."),
    "watch": Entry("alerts:watch_command", "Notify somebody when health checks are silent: the dead man's switch."),
    "deploy": Entry(
        "deploy:deploy_command", "Deploy the flows of prefect.yaml with their schedules, and say what a run would miss."
    ),
    "fix": Entry("fix:app", "Repairs: planned, made, undone."),
    "snapshot": Entry("snapshot:app", "Snapshots of the tables that we write."),
    "etl": Entry("etl:app", "Stop all imports, and let them run again."),
    "emergency": Entry("etl:emergency", "Walk through an emergency."),
    "demo": Entry("setup:demo", "Play the incident of 2025 on a generated season."),
}
"""In the order of `--help`. Each command begins its own help with the same words; a test compares them."""


class Commands(TyperGroup):
    """Commands that are imported when they are run; before that, no more than their names and their help is known."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        entry = COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=entry.help) if entry else None

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Options of the program may stand behind the command as well: `rally-health check --database URL`."""
        return super().parse_args(ctx, completed(hoisted(args)))

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_uncollected(name) if name else command, rest


HOISTED = "--database"


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--database URL` in front, wherever it stood; what stands behind `--` is left alone."""
    front, rest, words = list[str](), list[str](), iter(arguments)
    for word in words:
        if word == "--":
            return [*front, *rest, word, *words]
        taken = [word, *islice(words, 1)] if word == HOISTED else [word] if word.startswith(f"{HOISTED}=") else []
        front += taken
        rest += [] if taken else [word]
    return [*front, *rest]


JSON_OPTION, STREAM = "--json", "-"


def completed(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `-` behind each `--json` that names no file: JSON then goes to standard output."""
    words = [*arguments]
    end = words.index("--") if "--" in words else len(words)
    for place in reversed(range(end)):
        following = words[place + 1] if place + 1 < end else "-x"
        if words[place] == JSON_OPTION and following != STREAM and following.startswith("-"):
            words.insert(place + 1, STREAM)
    return words


def say_version(asked: bool) -> None:
    """Print the version and end, where it was asked for."""
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - reads e-mail headers, not for `--help`

        typer.echo(f"rally-health {version('rally-data-health')}")
        raise typer.Exit


def load_uncollected(name: str) -> Command:
    """The command of a name; what its modules hold lives as long as the process, and is not looked through again."""
    gc.disable()
    try:
        return load_command(name)
    finally:
        gc.freeze()
        gc.enable()


def load_command(name: str) -> Command:
    """The command of a name, with all that it imports."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    command = getattr(import_module(f"flows.cli.{module}"), attribute)
    loaded = typer.Typer(rich_markup_mode="markdown")
    if isinstance(command, typer.Typer):
        loaded.add_typer(command, name=name)
    else:
        loaded.command(name)(command)
    return get_group(loaded).commands[name]


WORKING = {"alerts", "check", "emergency", "etl", "fix", "import", "init", "report", "snapshot", "watch"}
log = logging.getLogger("rally.command")


def log_command(context: typer.Context) -> None:
    """Log that a command began, and at its end how long it took; of commands that only show something at DEBUG."""
    name, began = context.invoked_subcommand or "", time.monotonic()
    level = logging.INFO if name in WORKING else logging.DEBUG
    log.log(level, "%s began", name)
    context.call_on_close(lambda: log.log(level, "%s ended after %.1f s", name, time.monotonic() - began))


app = typer.Typer(
    cls=Commands,
    name="rally-health",
    help="Import league data that cannot get lost in silence, and watch it by rules.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals can hold a person's row
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def configure(
    context: typer.Context,
    database: Annotated[
        str | None, typer.Option(help="PostgreSQL URL; overrides DATABASE_URL. Without either: an embedded server.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version and end.")
    ] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log to standard error, as JSON lines.")] = False,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="DEBUG, INFO, WARNING, ERROR or CRITICAL; of log files, too.")
    ] = None,
) -> None:
    """Read the settings once, for every command."""
    from flows.service.context import collect_seldom  # noqa: PLC0415 - not for `--help`
    from flows.service.report_files import start_logging  # noqa: PLC0415
    from flows.settings import read_settings, unknown_variables  # noqa: PLC0415

    collect_seldom()
    command = context.invoked_subcommand or ""
    endless = inf if command in ENDLESS else None
    settings = read_settings(database_url=database, log_level=log_level and log_level.upper(), deadline=endless)
    start_logging(settings.reports, settings.log_level, as_json=log_json)
    if settings.rule_sources:
        supervise(command, settings.deadline)
    log_command(context)
    keep_deadline(command, settings.deadline)
    if command != "config":
        for complaint in unknown_variables():
            typer.secho(f"note: {complaint}", fg=typer.colors.YELLOW, err=True)
    context.obj = settings


def main() -> None:
    """Run the command line, and end this process; an error that a person can mend is one line and an exit code."""
    own_process()
    try:
        _run()
    except SystemExit as left:
        code = exit_code(ended(left))
        announce_end(code)
        disarm()
        leave(code)
    finally:
        disarm()


def _run() -> None:
    try:
        app()
    except Exception as error:
        from flows.cli.errors import fail  # noqa: PLC0415 - knows the errors of all packages

        fail(error)
        announce_end(1)  # a bug of ours, which Python tells
        raise


def exit_code(end: SystemExit) -> int:
    """The number that Python ends a process with."""
    return end.code if isinstance(end.code, int) else int(end.code is not None)
