"""No document has a dead link: files and headings that it leads to are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from checks.runbooks import anchor_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


@cache
def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return FENCE.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """What a link can lead to within a document; equal headings are numbered."""
    found: list[str] = []
    for title in re.findall(r"^#{1,6} +(.+?) *$", prose(document), re.MULTILINE):
        anchor = anchor_of(re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title))
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return set(found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    dead = []
    for link in LINK.findall(prose(document)):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue  # another host: that it answers is no matter of a checkout
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


def test_a_dead_link_would_be_found(tmp_path: Path) -> None:
    document = tmp_path / "one.md"
    document.write_text("# Two words\n\n```\n[x](nowhere.md)\n```\n\n[y](two.md) [z](#two-words) ![p](q.png)\n")

    assert LINK.findall(prose(document)) == ["two.md", "#two-words", "q.png"]
    assert anchors(document) == {"two-words"}
