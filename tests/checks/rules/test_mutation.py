"""Each rule of the catalogue can fail, and its cases tell it from itself with one condition changed.

`python -m pytest -m slow -s tests/checks/rules/test_mutation.py` lists the changes that no case notices.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine

from checks.author.mutants import mutant_of
from checks.author.trial import try_rule
from checks.engine.authoring.spec import Check
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.run import Options, Request, measure_on
from checks.scopes import DIMENSIONS
from etl.tables import metadata
from tests.checks.rules.ask import ALL, keys
from tests.checks.rules.case import Case
from tests.checks.rules.conftest import Write
from tests.checks.rules.entries import NOW, TODAY
from tests.checks.rules.test_catalogue import CASES, OF_THE_SITE

pytestmark = [pytest.mark.slow, pytest.mark.long]

LEAST_NOTICED = 0.88
Reading = tuple[str, object]
"""What is changed, and what the rule finds then as far as its case says it."""


def test_every_rule_can_be_tried_and_can_fail(catalogue: Rules, database: Engine) -> None:
    request = Request(now=datetime(2025, 3, 1, tzinfo=UTC), dimensions=DIMENSIONS, tables=metadata.tables)
    trials = [try_rule(database, catalogue, check, request) for check in catalogue.values()]

    assert [(trial.rule, trial.said) for trial in trials if not trial.passed] == []
    assert {trial.rule for trial in trials if trial.skipped} == OF_THE_SITE - {"rows_of_table", "megabytes_of_table"}


def test_cases_notice_what_is_changed_about_a_rule(catalogue: Rules, loose: Connection, write: Write) -> None:
    changes: dict[str, dict[int, str]] = {}
    noticed: defaultdict[str, set[int]] = defaultdict(set)
    for case in CASES:
        tried = changes_in(case, catalogue, loose, write)
        changes.setdefault(str(case), {}).update({number: said for number, (said, _) in enumerate(tried)})
        noticed[str(case)] |= {number for number, (_, is_noticed) in enumerate(tried) if is_noticed}

    for rule, made in changes.items():
        missed = [said for number, said in made.items() if number not in noticed[rule]]
        print(f"{rule}: {len(made) - len(missed)} of {len(made)}", *missed, sep="\n    ")  # noqa: T201
    total, seen = sum(map(len, changes.values())), sum(map(len, noticed.values()))
    print(f"{seen} of {total} changes are noticed: {seen / total:.1%}")  # noqa: T201

    assert seen / total >= LEAST_NOTICED


def changes_in(case: Case, catalogue: Rules, connection: Connection, write: Write) -> list[tuple[str, bool]]:
    """Every change of a case's rule, and whether the case finds something else then."""
    rule = catalogue[str(case)]
    with connection.begin_nested() as savepoint:
        write(case.good)
        quiet = list(readings(case, rule, catalogue, connection))
        write(case.bad)
        loud = list(readings(case, rule, catalogue, connection))
        savepoint.rollback()
    own = quiet.pop(0)[1], loud.pop(0)[1]
    return [(said, (good, bad) != own) for (said, good), (_, bad) in zip(quiet, loud, strict=True)]


def readings(case: Case, rule: Check, catalogue: Rules, connection: Connection) -> Iterator[Reading]:
    """What the rule itself finds, then what it finds with each change."""
    yield "", reading(case, rule, catalogue, connection)
    for number in itertools.count():
        mutant = mutant_of(rule, number)
        found = reading(case, mutant.check, catalogue, connection)
        if not mutant.said:
            return
        yield mutant.said, found


def reading(case: Case, rule: Check, catalogue: Rules, connection: Connection) -> object:
    """What a case says about a result: an error, which rows are bad, among how many, or a figure."""
    baseline = Baseline(readings={(rule.name, case.parameter): tuple(case.earlier)})
    request = Request(
        now=NOW, today=TODAY, dimensions=DIMENSIONS, baseline=baseline,
        options=Options(examples=ALL, clusters=0, statements=False),
    )  # fmt: skip
    found = measure_on(connection, catalogue.only([rule]), request).of(rule.name, case.parameter)
    total = found.total if case.total is not None else None
    return bool(found.error), found.count, tuple(keys(found)), total, found.value
