"""A report in forms for other programs: JUnit XML, Markdown, annotations of GitHub Actions, and one HTML file.

JUnit has one suite for each domain and one case for each rule and parameter; Markdown suits a pull request or a Prefect
artifact; an annotation stands at the file and line of its rule. The page needs no network and no script, and shares
with the pages of `checks.review` the templates in which every value is cleaned, cut and escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from markupsafe import Markup, escape

from checks.engine.authoring.units import Measure, Status, figure_text, number_of, points_text
from checks.engine.reporting.report import Report, Result, relative
from checks.engine.reporting.verdict import FailOn
from checks.render.by_rule import by_rule, worst_members
from checks.render.terminal import clean, example, headline, headlines, lines_of, remarks, tally, verdict

if TYPE_CHECKING:
    from jinja2 import Environment


def junit(report: Report, fail_on: FailOn = FailOn.CRITICAL) -> str:
    """The XML text. What misses the bar of `fail_on` is a failure, ERROR an error, SKIPPED is skipped."""
    root = Element("testsuites", name="rally-health", time=_seconds(sum(result.seconds for result in report.results)))
    ordered = sorted(report.results, key=lambda result: (result.domain, result.title))
    for domain, group in groupby(ordered, lambda result: result.domain):
        _suite(root, domain, list(group), fail_on)
    _count(root, list(report.results), fail_on)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(root: Element, domain: str, results: list[Result], fail_on: FailOn) -> None:
    suite = SubElement(root, "testsuite", name=clean(domain), time=_seconds(sum(r.seconds for r in results)))
    _count(suite, results, fail_on)
    for result in results:
        _case(suite, result, fail_on)


def _case(suite: Element, result: Result, fail_on: FailOn) -> None:
    case = SubElement(
        suite, "testcase", classname=clean(result.domain), name=clean(result.title), time=_seconds(result.seconds)
    )
    if result.source is not None:
        case.set("file", clean(relative(result.source.file)))
        case.set("line", str(result.source.line))
    kind = _kind(result, fail_on)
    if kind == "passed":
        if result.status is not Status.OK:
            SubElement(case, "system-out").text = f"{result.status}: {_text(result)}"
        return
    SubElement(case, kind, message=verdict(result), type=result.status.value).text = _text(result)


def _kind(result: Result, fail_on: FailOn) -> str:
    if result.status is Status.SKIPPED or result.accepted:
        return "skipped"
    if result.status is Status.ERROR:
        return "error"
    missed = result.is_new if fail_on is FailOn.NEW else result.status in _bar(fail_on)
    return "failure" if missed else "passed"


def _bar(fail_on: FailOn) -> set[Status]:
    bars = {FailOn.CRITICAL: {Status.CRITICAL}, FailOn.WARN: {Status.CRITICAL, Status.WARN}}
    return bars.get(fail_on, set())


def _text(result: Result) -> str:
    facts = [clean(result.summary), verdict(result), result.change]
    facts += [clean(str(cluster)) for cluster in result.clusters]
    return "\n".join(filter(None, [*facts, *(example(key) for key in result.examples)]))


def _count(element: Element, results: list[Result], fail_on: FailOn) -> None:
    kinds = [_kind(result, fail_on) for result in results]
    element.set("tests", str(len(kinds)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(kinds.count(kind)))


def _seconds(value: float) -> str:
    return f"{value:.3f}"


MARKS = {
    Status.CRITICAL: "🔴", Status.ERROR: "🟣", Status.WARN: "🟡", Status.SKIPPED: "⚪", Status.OK: "🟢",
}  # fmt: skip
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def markdown(report: Report, *, detailed: bool = False) -> str:
    """The Markdown text: score, domains, a table of rules worst first; with `detailed` examples, clusters and SQL."""
    return "\n".join(_lines(report, detailed=detailed)) + "\n"


def _lines(report: Report, *, detailed: bool) -> Iterator[str]:
    yield f"## {headline(report)}"
    yield ""
    yield f"{tally(report)}. Run `{report.run}` of {report.today}, {plain(report.selection)}."
    yield ""
    yield from (f"- {plain(line)}" for line in headlines(report))
    yield from _domains(report)
    yield "| status | rule | found | points | what |"
    yield "| --- | --- | --- | ---: | --- |"
    lines = by_rule(report.results)
    yield from (_row(result) for result in lines)
    yield from (f"\n{plain(f'{one.rule}: {worst_members(one)}')}" for one in lines if one.members and one.trouble)
    for line in remarks(report):
        yield f"\n> {plain(line)}"
    if detailed:
        for result in report.results:
            if result.trouble or result.examples:
                yield from _details(result)


def plain(text: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    return SPECIAL.sub(r"\\\1", clean(text))


def _domains(report: Report) -> Iterator[str]:
    for name, value in sorted(report.net.domains.items()):
        yield f"- {plain(name)}: {'unknown' if value is None else value}"
    yield ""


def _row(result: Result) -> str:
    points = points_text(result.points)
    text = verdict(result) if result.status is Status.ERROR else result.summary
    where = f" ({result.clusters[0]})" if result.clusters else ""
    accepted = "accepted: " if result.accepted else ""
    found = " ".join(filter(None, [result.measurement, f"({result.change})" if result.change else ""]))
    cells = (f"{result.title}", found, points, f"{accepted}{text}{where}")
    return f"| {MARKS[result.status]} {result.status} | {' | '.join(plain(cell) for cell in cells)} |"


def _details(result: Result) -> Iterator[str]:
    yield f"\n### {plain(result.title)}\n"
    yield plain(verdict(result))
    yield from (f"- {plain(str(cluster))}" for cluster in result.clusters)
    yield from (f"- {plain(example(key))}" for key in result.examples)
    # an indented block: no fence that a value in the statement could close
    yield "\n" + "\n".join(f"    {line}" for line in lines_of(result.sql))


LEVELS = {Status.CRITICAL: "error", Status.ERROR: "error", Status.WARN: "warning"}


def github_annotations(report: Report) -> str:
    """One workflow command for each rule in trouble, worst first; empty when there is none."""
    return "".join(f"{_annotation(result)}\n" for result in by_rule(report.trouble))


def _annotation(result: Result) -> str:
    properties = {"title": f"{result.status} {result.title}"}
    if result.source is not None:
        properties = {"file": relative(result.source.file), "line": str(result.source.line), **properties}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    where = f" {result.clusters[0]}." if result.clusters else ""
    return f"::{LEVELS[result.status]} {said}::{_data(f'{result.summary} {verdict(result)}.{where}')}"


def _data(text: str) -> str:
    # an unescaped line feed would let data start a command of its own
    return clean(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


MOST_RESULTS = 60
"""Rules in trouble that are shown in full; the rest is counted."""


@dataclass(frozen=True, slots=True)
class PageLinks:
    """Where the operator's page shows a thing: ("rule", "twin_team") stands at `BASE/rule/twin_team`.

    Without a base there is no such page, and the empty address makes no link.
    """

    base: str | None = None

    def __call__(self, kind: str = "", key: object = "", query: Mapping[str, str] | None = None) -> str:
        """The address of a thing; of a list of things, or of the first page, without a key."""
        if self.base is None:
            return ""
        parts = [quote(part, safe="") for part in (kind, *str(key).split("/")) if part]
        asked = urlencode({name: value for name, value in (query or {}).items() if value})
        return f"{self.base.rstrip('/')}/{'/'.join(parts)}{'?' if asked else ''}{asked}"


NOWHERE = PageLinks()


def page_links(serve_url: str) -> PageLinks:
    """Links to the operator's page at an address; nowhere without one."""
    return PageLinks(serve_url) if serve_url else NOWHERE


ARROWS = {"rising": "▲", "falling": "▼", "steady": "▬"}


NEXT_RUN = "<!--the next run-->"
"""Where a page has room for a link to the run after it. Data is escaped, and cannot say this."""


def with_next_run(text: str, href: str) -> str:
    """A page that leads to the run after it, whose address is `href`; another text stays as it is."""
    return text.replace(NEXT_RUN, Markup('<a rel="next" href="{}">the run after it</a>').format(href), 1)


def page(report: Report, link: PageLinks = NOWHERE, previous: str = "") -> str:
    """The HTML text: score, domains, what to look at and where, and a table of all rules, worst first.

    `previous` is the address of the page of the run before.
    """
    return environment(link).get_template("run.html.j2").render(
        report=report, lines=by_rule(report.results), worst_members=worst_members, style=style(),
        headline=headline(report), headlines=headlines(report), tally=tally(report), remarks=remarks(report),
        verdict=verdict, most=MOST_RESULTS, previous=previous,
    )  # fmt: skip


LONGEST_TEXT = 400
"""Characters of one value that are shown; the rest is counted."""
# the page of a run shares them with the reviews, but not the module that draws: to import it takes two seconds
TEMPLATES = Path(__file__).parents[1] / "review" / "html"


@cache
def environment(link: PageLinks = NOWHERE) -> Environment:
    """Templates that escape whatever it is; a name that is missing is an error. `link` gives addresses of pages."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only pages need it

    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=page_value,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= FILTERS
    made.globals["link"] = link
    return made


FILTERS: Mapping[str, Callable[..., Any]] = {
    "example": lambda key: page_value(example(key)),
    "sentence": lambda text: text[:1].upper() + text[1:],
    "lines": lambda text: [Markup(escape(line)) for line in lines_of(text)],  # noqa: S704 - escaped
    "arrow": lambda direction: ARROWS.get(str(direction), "·"),
    "moment": lambda at: "" if at is None else f"{at:%Y-%m-%d %H:%M}",
    "share": lambda value: figure_text(value, Measure.PERCENT),
    "number_of": number_of,
}
"""What templates may make of a value."""


def style() -> Markup:
    """The styles, which stand in the page itself."""
    return Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours


def page_value(value: Any) -> Any:
    """What is written of a value, before it is escaped: nothing that steers a page or floods it."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return str(value)
    text = clean(" ".join(str(value).split()))
    return (
        text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(text) - LONGEST_TEXT:,} more characters)"
    )
