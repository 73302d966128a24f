"""`rally-health demo`."""

from __future__ import annotations

from datetime import UTC, datetime

import typer
from rich.console import Console

from checks.render.terminal import print_report
from flows.cli.importing import print_report as print_import
from flows.demo.story import play


def demo(context: typer.Context) -> None:
    """Play the incident of 2025 on a generated season: the damage, what the rules say, and a proper import.

    It uses an embedded database of its own below `.rally/demo`; yours is not touched.

    Example: `rally-health demo`
    """
    console = Console()
    story = play(context.obj, datetime.now(UTC).date(), lambda line: console.rule(line, align="left"))
    console.rule("As the old loader left it", align="left")
    print_report(story.before, console)
    console.rule("The import", align="left")
    print_import(story.imported)
    console.rule("After the import", align="left")
    print_report(story.after, console)
    console.print(f"The reports as JSON: {context.obj.reports}/monitoring_report_*.json")
