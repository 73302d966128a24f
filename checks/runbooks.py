"""The runbooks as the package carries them: what a rule means when it fires, and what to do.

`checks/runbooks.md` is the source; docs/RUNBOOKS.md is a copy for who reads the repository, and a test keeps it so.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

DOCUMENT = "docs/RUNBOOKS.md#"
SOURCE = Path(__file__).with_suffix(".md")
LINK = Markup('<p><a href="{}" rel="noreferrer">{}</a></p>')


def runbook_html(runbook: str) -> Markup:
    """The text of a rule's runbook as HTML; a link where it stands elsewhere, and empty where there is none."""
    if runbook.startswith(("https://", "http://")):
        return LINK.format(runbook, runbook)
    text = runbook_sections().get(runbook.removeprefix(DOCUMENT), "") if runbook.startswith(DOCUMENT) else ""
    # a file of ours, and HTML inside it is text
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704  # nosec B704


@cache
def runbook_sections() -> dict[str, str]:
    """Each section of the document without its heading, by the anchor that a reader's link leads to."""
    parts = re.split(r"^## (.+)$", SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {anchor_of(title): text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def anchor_of(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", title.strip().lower()).replace(" ", "-")
