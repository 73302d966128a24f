"""The document: required fields, thresholds, every rule with its SQL, and the process around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from checks.engine.literal import shown
from checks.engine.questions import Parameter, Question, ask
from checks.engine.rules import Rules
from checks.engine.scope import Scope
from checks.engine.spec import Check
from checks.engine.wiring import Values, values
from checks.standards.figures import named_thresholds
from checks.standards.prose import HEAD, PROCESS
from checks.standards.requirements import required_fields

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
"""The moment that the SQL of rules about time is written for."""
ONE = Parameter("the one with the id 1", 1)


def render_standards(rules: Rules) -> str:
    """The standards as Markdown. The same rules give the same text, on any day."""
    parts = (required_fields(), named_thresholds(rules), _overview(rules), _details(rules))
    return "\n".join([HEAD, *("\n".join(part) + "\n" for part in parts), PROCESS])


def _overview(rules: Rules) -> Iterator[str]:
    yield f"## Metrics\n\n{len(rules)} rules. Rules with the tag `gate` decide whether an import is published.\n"
    yield "| domain | rule | severity | limits | tags | owner |"
    yield "|---|---|---|---|---|---|"
    for rule in _in_order(rules):
        tags = ", ".join(sorted(rule.mark.tags))
        name = f"[{rule.name}](#{rule.name})"
        yield f"| {rule.domain} | {name} | {rule.severity} | {rule.threshold} | {tags} | {rule.mark.owner} |"


def _details(rules: Rules) -> Iterator[str]:
    yield f"## Rules\n\nThe SQL lists the bad rows, or reads the value; its day is {NOON.date()} where it asks for one."
    known = {"now": NOON, "today": NOON.date(), **dict.fromkeys(rules.provided, ONE.value)}
    with values(rules.fixtures, known) as given:
        for domain, members in groupby(_in_order(rules), lambda rule: rule.domain):
            yield f"\n### Domain {domain}"
            for rule in members:
                yield from _rule(rule, given)


def _rule(rule: Check, given: Values) -> Iterator[str]:
    yield f"\n#### {rule.name}\n\n{rule.summary}\n"
    yield f"{rule.severity}; {rule.threshold}.{_per(rule)}{_runbook(rule)}\n"
    yield f"```sql\n{_sql(rule, given)}\n```"


def _sql(rule: Check, given: Values) -> str:
    parameters: Sequence[Parameter] = (Parameter(),) if rule.mark.each is None else (ONE,)
    (asked,) = ask(rule, parameters, given)
    if not isinstance(asked, Question):
        return f"-- {asked.reason}"
    return "\n".join(line.rstrip() for line in shown(asked, Scope()).splitlines())


def _per(rule: Check) -> str:
    return "" if rule.mark.each is None else f" Once per {rule.mark.each}; below for {ONE.label}."


def _runbook(rule: Check) -> str:
    place = re.sub(r"^docs/", "", rule.mark.runbook)
    return f" [What to do]({place})." if place else ""


def _in_order(rules: Rules) -> list[Check]:
    return sorted(rules.values(), key=lambda rule: (rule.domain, -rule.severity.rank, rule.name))
