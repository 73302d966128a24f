"""`rally-health demo`: a season to look at."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from checks.engine.reporting.report import Report
from checks.render.terminal import print_report
from flows.cli.fix import line as repair_line
from flows.cli.imports import print_report as print_import
from flows.service.context import today_here
from flows.service.demo import play

PICTURE_WIDTH = 104
"""Characters on a line of the picture, which a page of 830 pixels shows as large as its own text."""


def demo(
    context: typer.Context,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the first and the last report as SVG, too.", hidden=True)
    ] = None,
) -> None:
    """Play the incident of 2025 on a generated season: the damage, what the rules say, a proper import, the repairs.

    It uses an embedded database of its own below `.rally/demo`; yours is not touched.

    Example: `rally-health demo`
    """
    console = Console()
    story = play(context.obj, today_here(), lambda line: console.print(f"[bold]{line}[/]"))
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
        picture.write_text(_drawn(story.before, story.healed), encoding="utf-8")


def _drawn(before: Report, healed: Report) -> str:
    """Both reports as one SVG, with the reader's own fonts: nothing is loaded from anywhere."""
    console = Console(record=True, width=PICTURE_WIDTH, force_terminal=True, file=io.StringIO())
    for title, report in (("As the old loader left it", before), ("After a proper import and the repairs", healed)):
        console.rule(title, align="left")
        print_report(report, console, brief=True)
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="rally-health demo"), flags=re.DOTALL)
