"""The data quality standards as a document, written from the rules and tables themselves, so that both say the same.

It has the fields that the database demands, the named thresholds with the reasons beside them, every rule with its SQL,
and what no rule can say: how the document is read, and who does what when.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, Table, Text, UniqueConstraint

from checks.engine.authoring.spec import Check, TableName
from checks.engine.authoring.units import number_of
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import Values, values
from checks.engine.measuring.compile_queries import Query, queries_of
from checks.engine.measuring.reflect import NamedTables
from checks.engine.measuring.scope import Parameter, Scope
from checks.engine.reporting.literal import readable_sql
from checks.rules import thresholds
from etl.tables import QUALITY, metadata


def required_fields() -> Iterator[str]:
    """The section about required fields, line by line."""
    yield "## Required fields\n"
    yield "A row is known by its key. Fields that are never empty are refused by the database, the others by rules.\n"
    yield "| table | key | never empty | constraints |"
    yield "|---|---|---|---|"
    for table in sorted(metadata.sorted_tables, key=lambda table: table.name):
        if table.schema != QUALITY:
            cells = (table.name, _names(table.info["key"]), _names(_never_empty(table)), _constraints(table))
            yield f"| {' | '.join(cells)} |"


def _never_empty(table: Table) -> Iterator[str]:
    return (column.name for column in table.columns if not column.nullable and not column.primary_key)


def _constraints(table: Table) -> str:
    named = (one for one in table.constraints if isinstance(one, CheckConstraint | UniqueConstraint))
    return _names(sorted(str(constraint.name) for constraint in named))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def named_thresholds(rules: Rules) -> Iterator[str]:
    """The section about thresholds, line by line."""
    reasons = _reasons()
    yield "## Thresholds\n"
    yield "| name | limits | what it is for | rules |"
    yield "|---|---|---|---|"
    for name, reason in reasons.items():
        threshold = getattr(thresholds, name)
        users = [f"`{rule.name}`" for rule in rules.values() if rule.threshold is threshold]
        yield f"| {name} | {threshold} | {reason} | {', '.join(users) or '–'} |"


def _reasons() -> Mapping[str, str]:
    """The text under each constant of `checks.rules.thresholds`; Python keeps it in the source only."""
    body = ast.parse(inspect.getsource(thresholds)).body
    return {
        first.targets[0].id: " ".join(then.value.value.split())
        for first, then in pairwise(body)
        if isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name)
        if isinstance(then, ast.Expr) and isinstance(then.value, ast.Constant) and isinstance(then.value.value, str)
    }


HEAD = """\
# Data quality standards

Written by `rally-health rules docs` from the rules; edit those, not this. A test fails when this file is stale.

*Severity* says how much a rule matters, *status* how it stands. A reading on a limit is still within it. CRITICAL
means that people are notified at once, WARN that it can wait for the morning; the *target* is what good data reaches.
What could not be measured is an ERROR, never a pass. BYE rows and practice times are no matches, and never dirt.
"""

PROCESS_TEXT = """\
## Process

| when | what | who answers |
|---|---|---|
| every import | the gate: an import that makes rules tagged `gate` worse is not published | imports |
| hourly | rules tagged `hourly`: do the imports run | imports |
| daily, 06:00 | rules tagged `hourly` and `daily`; CRITICAL by SMS, the rest by e-mail | the owner of the rule |
| weekly, Monday 08:00 | all rules; each WARN is repaired, or accepted with a reason and an end date | all owners |
| monthly, on the 1st | acceptances that end, thresholds that never or always fire, the score's course | the operator |

* A finding is repaired at its source first: the next import brings the feed's version back.
* An accepted finding has an owner, a reason and an end date. It stays in the gross score.
* A new rule starts as LOW or MEDIUM; it becomes HIGH, or part of the gate, when a month of runs had no false finding.
* A threshold is changed in `checks/rules/thresholds.py`, with the reason beside it, and this file is written again.
"""


SAMPLE_NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
"""The moment that the SQL of rules about time is written for."""
SAMPLE_PARAMETER = Parameter("the one with the id 1", 1)


def render_standards(rules: Rules) -> str:
    """The standards as Markdown. The same rules give the same text, on any day."""
    parts = (required_fields(), named_thresholds(rules), _overview(rules), _details(rules))
    return "\n".join([HEAD, *("\n".join(part) + "\n" for part in parts), PROCESS_TEXT])


def _overview(rules: Rules) -> Iterator[str]:
    number = number_of(len(rules), "rules")
    yield f"## Metrics\n\n{number}. Rules with the tag `gate` decide whether an import is published.\n"
    yield "| domain | rule | severity | limits | tags | owner |"
    yield "|---|---|---|---|---|---|"
    for rule in _in_order(rules):
        tags = ", ".join(sorted(rule.mark.tags))
        name = f"[{rule.name}](#{rule.name})"
        yield f"| {rule.domain} | {name} | {rule.severity} | {rule.threshold} | {tags} | {rule.mark.owner} |"


def _details(rules: Rules) -> Iterator[str]:
    day = SAMPLE_NOON.date()
    yield f"## Rules\n\nThe SQL lists the bad rows, or reads the value; its day is {day} where it asks for one."
    for domain, members in groupby(rules_with_sql(rules), lambda member: member[0].domain):
        yield f"\n### Domain {domain}"
        for rule, sql in members:
            yield from _rule(rule, sql)


def rules_with_sql(rules: Rules) -> Iterator[tuple[Check, str]]:
    """Every rule by domain, with the SQL that lists its bad rows at a sample moment and for a sample parameter."""
    known = {"now": SAMPLE_NOON, "today": SAMPLE_NOON.date(), **dict.fromkeys(rules.provided, SAMPLE_PARAMETER.value)}
    with values(rules.fixtures, known) as given:
        yield from ((rule, _sql(rule, given)) for rule in _in_order(rules))


def _rule(rule: Check, sql: str) -> Iterator[str]:
    yield f"\n#### {rule.name}\n\n{rule.summary}\n"
    yield f"{rule.severity}; {rule.threshold}.{_per(rule)}{_runbook(rule)}\n"
    yield f"```sql\n{sql}\n```"


def _sql(rule: Check, given: Values) -> str:
    parameters: Sequence[Parameter] = (Parameter(),) if rule.mark.each is None else (SAMPLE_PARAMETER,)
    (asked,) = queries_of(NamedTables(None, {**metadata.tables, **_site_table(rule)}).bind(rule), parameters, given)
    if not isinstance(asked, Query):
        return f"-- {asked.reason}"
    return "\n".join(line.rstrip() for line in readable_sql(asked, Scope()).splitlines())


def _site_table(rule: Check) -> Mapping[str, Table]:
    """The table that a rule knows by name alone, with the columns that it names; none where ours has all of them."""
    name, declared = rule.mark.table, metadata.tables.get(rule.table)
    columns = [column for column in rule.mark.columns if declared is None or column not in declared.c]
    if not isinstance(name, TableName) or not columns:
        return {}
    key = (
        [Column("id", Integer, primary_key=True)] if declared is None else [Column(c.name, c.type) for c in declared.c]
    )
    info = {"key": ("id",)} if declared is None else declared.info
    return {rule.table: Table(rule.table, MetaData(), *key, *(Column(one, Text) for one in columns), info=info)}


def _per(rule: Check) -> str:
    return "" if rule.mark.each is None else f" Once per {rule.mark.each}; below for {SAMPLE_PARAMETER.label}."


def _runbook(rule: Check) -> str:
    place = re.sub(r"^docs/", "", rule.mark.runbook)
    return f" [What to do]({place})." if place else ""


def _in_order(rules: Rules) -> list[Check]:
    return sorted(rules.values(), key=lambda rule: (rule.domain, -rule.severity.rank, rule.name))
