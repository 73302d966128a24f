"""The runbooks as the package carries them: what a rule means when it fires, and what to do.

`checks/runbooks.md` is the source; docs/RUNBOOKS.md is a copy for who reads the repository, and a test keeps it so.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from checks.engine.authoring.spec import Check
from checks.engine.collecting.rules import Rules

if TYPE_CHECKING:
    from markupsafe import Markup

DOCUMENT = "docs/RUNBOOKS.md#"
SOURCE = Path(__file__).with_suffix(".md")


def runbook_html(runbook: str) -> Markup:
    """The text of a rule's runbook as HTML; a link where it stands elsewhere, and empty where there is none."""
    # a command that shows no page needs neither
    from markdown_it import MarkdownIt  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    if runbook.startswith(("https://", "http://")):
        return Markup('<p><a href="{}" rel="noreferrer">{}</a></p>').format(runbook, runbook)
    # a file of ours, and HTML inside it is text
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(runbook_text(runbook)))  # noqa: S704  # nosec B704


def runbook_text(runbook: str) -> str:
    """The text of a rule's runbook as Markdown; empty where there is none, or it stands elsewhere."""
    return runbook_sections().get(runbook.removeprefix(DOCUMENT), "") if runbook.startswith(DOCUMENT) else ""


def with_runbooks(rules: Rules) -> Rules:
    """The rules, each that names no runbook of its own with the section that names it, where one does."""
    sections = rule_sections()
    return rules.only(_led(check, sections.get(check.name, "")) for check in rules.values())


def _led(check: Check, section: str) -> Check:
    if check.mark.runbook or not section:
        return check
    return replace(check, mark=replace(check.mark, runbook=f"{DOCUMENT}{section}"))


@cache
def rule_sections() -> dict[str, str]:
    """The section of each rule, by the names that stand behind "Rule:" or "Rules:" in it."""
    listed = (
        (name, anchor)
        for anchor, text in runbook_sections().items()
        for names in re.findall(r"Rules?: ((?:`\w+`,?\s*)+)", text)
        for name in re.findall(r"`(\w+)`", names)
    )
    return dict(listed)


@cache
def runbook_sections() -> dict[str, str]:
    """Each section of the document without its heading, by the anchor that a reader's link leads to."""
    parts = re.split(r"^## (.+)$", SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {anchor_of(title): text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def anchor_of(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", title.strip().lower()).replace(" ", "-")
