"""How every rule stands by its newest result: first those that someone should look at, at the end all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from checks.documents import stored_document
from checks.engine.authoring.units import points_text
from checks.render.by_rule import by_rule, each_result
from checks.review.section import CellKind, Layout, Section, SectionColumn
from checks.review.values import ReviewInputs
from checks.stored import StoredResult

SHORT = ("rule", "parameter", "title", "severity", "status", "points")


def _newest(inputs: ReviewInputs) -> tuple[StoredResult, ...]:
    """The newest result of each rule, worst first; of one that was asked for each league, one line for all of them."""
    return by_rule(_newest_of_each(inputs))


def _newest_of_each(inputs: ReviewInputs) -> Iterator[StoredResult]:
    """The newest result of each rule and parameter, with what the rule itself says."""
    for result in inputs.book.latest:
        rule = inputs.rules.get(result.rule)
        if rule is None:
            yield result
        else:
            yield replace(
                result, summary=rule.summary, owner=rule.mark.owner, runbook=rule.mark.runbook, each=rule.each,
                unit=getattr(rule.threshold, "unit", None),
            )  # fmt: skip


def _trouble(inputs: ReviewInputs) -> tuple[StoredResult, ...]:
    return tuple(result for result in _newest(inputs) if result.trouble)


def _trouble_line(result: StoredResult) -> str:
    found = result.error or result.measurement
    return f"{result.status:8} {result.title}  {found}  -{result.points}  {result.summary}"


def _rule_line(result: StoredResult) -> str:
    accepted = "  accepted" if result.accepted else ""
    return f"{result.status:8} {result.title}  {result.error or result.measurement or result.note}{accepted}"


def _in_short(results: Sequence[StoredResult]) -> list[dict[str, Any]]:
    """Which rules these are; all that is known of them stands among the rules."""
    documents = map(stored_document, each_result(results))
    return [{name: value for name, value in document.items() if name in SHORT} for document in documents]


TROUBLE = Section(
    key="trouble", anchor="trouble", title="What to look at", navigation="Trouble", place=40,
    empty="No rule is in trouble.", rows=_trouble, layout=Layout.RESULTS, line=_trouble_line, document=_in_short,
)  # fmt: skip

ALL_RULES = Section(
    key="rules", anchor="rules", title="All rules", place=1000, empty="No rule has run.",
    rows=_newest, most=300, caption="The newest result of every rule, worst first",
    columns=(
        SectionColumn("status", lambda result: result.status, CellKind.BADGE),
        SectionColumn(
            "rule", lambda result: result.title + (", accepted" if result.accepted else ""), CellKind.NAME,
            to=lambda result: ("rule", result.rule),
        ),
        SectionColumn("found", lambda result: result.measurement or result.error or result.note),
        SectionColumn("limits", lambda result: result.threshold, CellKind.MUTED),
        SectionColumn("points", lambda result: points_text(result.points), CellKind.NUMBER),
    ),
    line=_rule_line, document=lambda lines: list(map(stored_document, each_result(lines))),
)  # fmt: skip
