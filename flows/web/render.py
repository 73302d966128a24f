"""How pages look: the template that every page shares, its styles, its script, and the addresses of other pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from markupsafe import Markup, escape

from checks.render.formats import PageLinks, environment, style
from checks.review import charts
from checks.review.section import SectionColumn
from checks.review.time_series import TimeSeries
from checks.runbooks import anchor_of
from flows.web import health, imports, overview, rules
from flows.web.view import Page, View

HTML = Path(__file__).with_name("html")
PAGES: tuple[Page, ...] = (*overview.OVERVIEW_PAGES, *rules.RULE_PAGES, *health.HEALTH_PAGES, *imports.IMPORT_PAGES)
NAVIGATION = ("Overview", "Incidents", "Rules", "History", "Leagues", "Imports", "Names", "Repairs", "Alerts", "Audit")
ASSETS: Mapping[str, tuple[Callable[[], str], str]] = {
    "page.css": (lambda: f"{style()}\n{(HTML / 'page.css').read_text(encoding='utf-8')}", "text/css"),
    "page.js": (lambda: (HTML / "page.js").read_text(encoding="utf-8"), "text/javascript"),
}


def page_of(kind: str, key: str) -> Page | None:
    """The page at an address; None where there is none."""
    return next((page for page in PAGES if page.kind == kind and (page.keys is None) == (not key)), None)


class Drawing:
    """What the layouts of sections ask for: pictures, and the order that the address wants for the rows of tables.

    `query` is what the address asks for; None: nothing can be asked of these pages.
    """

    def __init__(self, now: datetime, query: Mapping[str, str] | None) -> None:
        self.since = now - timedelta(days=overview.DAYS_SHOWN)
        self.query = query

    def sort_href(self, column: SectionColumn[Any]) -> str:
        """The same page with its tables in the order of a column; turned round where they are in that order."""
        if self.query is None:
            return ""
        turned = "-" if self.query.get("sort") == column.title else ""
        return f"?{urlencode({**self.query, 'sort': f'{turned}{column.title}'})}"

    def ordered(self, columns: Sequence[SectionColumn[Any]], rows: Sequence[Any]) -> Sequence[Any]:
        """The rows in the order that the address wants, where a table has such a column; what is empty comes last."""
        wanted = (self.query or {}).get("sort", "")
        column = next((each for each in columns if each.title == wanted.removeprefix("-")), None)
        if column is None:
            return rows
        full = [row for row in rows if column.value(row) not in (None, "")]
        full.sort(key=lambda row: _order(column.value(row)), reverse=wanted.startswith("-"))
        return [*full, *(row for row in rows if column.value(row) in (None, ""))]

    def spark(self, series: TimeSeries) -> Markup:
        """A line as small as a word."""
        latest = "" if series.latest is None else f", now {series.say(series.latest)}"
        return charts.sparkline(series, since=self.since, alt=f"{series.title}{latest}; {series.said}")

    heat = staticmethod(charts.heat_strip)


def _order(value: object) -> tuple[bool, float, str]:
    """Numbers as numbers, also "-10.54", "1,234" and "87 %", and before words."""
    try:
        return False, float(re.sub(r",| ?%$", "", str(value))), ""
    except ValueError:
        return True, 0.0, str(value)


@dataclass(frozen=True, slots=True)
class FileLinks(PageLinks):
    """Addresses of pages that are files of one folder; what was not written leads nowhere."""

    written: frozenset[str] = frozenset()

    def __call__(self, kind: str = "", key: object = "", query: Mapping[str, str] | None = None) -> str:
        """The name of a file."""
        name = file_name(kind, key)
        return name if name in self.written or kind == "assets" else ""


def file_name(kind: str, key: object = "") -> str:
    """The file of a page: `rule-twin_team.html`; a key with other characters gets a mark of its own."""
    if kind == "assets":
        return f"assets/{key}"
    text = str(key)
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:80]
    mark = "" if plain == text else f"-{sha256(text.encode()).hexdigest()[:10]}"
    return f"{'-'.join(part for part in (kind or 'index', plain + mark) if part)}.html"


@dataclass(frozen=True, slots=True)
class Look:
    """How all pages of one place look: where they lead, which database they are about, whether they can be asked."""

    link: PageLinks
    about: str
    asked: bool = True

    def render(self, view: View, kind: str, now: datetime, query: Mapping[str, str]) -> str:
        """A view as one page."""
        shown = sorted((page for page in PAGES if page.navigation), key=lambda page: NAVIGATION.index(page.navigation))
        return _environment(self.link).get_template("page.html.j2").render(
            view=view, kind=kind, now=now, query=query, pages=shown, about=self.about, searchable=self.asked,
            draw=Drawing(now, query if self.asked else None), unasked=() if self.asked else ("form",),
        )  # fmt: skip


@cache
def _environment(link: PageLinks) -> Environment:
    base = environment(link)
    base.filters |= {"anchor": anchor_of, "whole": lambda text: Markup(escape(text))}  # noqa: S704  # nosec B704 - escaped here
    loaders = [FileSystemLoader(HTML), *([base.loader] if base.loader else [])]
    return base.overlay(loader=ChoiceLoader(loaders))
