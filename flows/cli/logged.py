"""What the log files tell of commands."""

from __future__ import annotations

import logging
import time

import typer

WORKING = {"alerts", "check", "emergency", "etl", "fix", "import", "init", "report", "snapshot", "watch"}
log = logging.getLogger("rally.command")


def log_command(context: typer.Context) -> None:
    """Log that a command began, and at its end how long it took; of commands that only show something at DEBUG."""
    name, began = context.invoked_subcommand or "", time.monotonic()
    level = logging.INFO if name in WORKING else logging.DEBUG
    log.log(level, "%s began", name)
    context.call_on_close(lambda: log.log(level, "%s ended after %.1f s", name, time.monotonic() - began))
