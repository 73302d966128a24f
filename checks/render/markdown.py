"""A report as Markdown, for a pull request, a job summary or a Prefect artifact."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.results import Result
from checks.render.words import clean, example, headline, headlines, lines_of, remarks, tally, verdict

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
    yield from (_row(result) for result in report.results)
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
    points = f"-{result.points}" if result.points else ""
    told = verdict(result) if result.status is Status.ERROR else result.summary
    where = f" ({result.clusters[0]})" if result.clusters else ""
    accepted = "accepted: " if result.accepted else ""
    found = " ".join(filter(None, [result.measurement, f"({result.change})" if result.change else ""]))
    cells = (f"{result.title}", found, points, f"{accepted}{told}{where}")
    return f"| {MARKS[result.status]} {result.status} | {' | '.join(plain(cell) for cell in cells)} |"


def _details(result: Result) -> Iterator[str]:
    yield f"\n### {plain(result.title)}\n"
    yield plain(verdict(result))
    yield from (f"- {plain(str(cluster))}" for cluster in result.clusters)
    yield from (f"- {plain(example(key))}" for key in result.examples)
    # an indented block: no fence that a value in the statement could close
    yield "\n" + "\n".join(f"    {line}" for line in lines_of(result.sql))
