"""What a run may take, and what it gives where nobody says otherwise: who changes one on purpose changes it here."""

from __future__ import annotations

from dataclasses import fields

from checks.engine.authoring import spec
from checks.engine.collecting import collect, rules
from checks.engine.judging import bad_rows, evidence, frames
from checks.engine.measuring import compile_queries, measure, reflect, scope, snapshot
from checks.engine.reporting import verdict
from checks.engine.run import Options


def test_a_rule_has_a_minute_and_two_more_tries() -> None:
    assert (spec.DEFAULT_TIMEOUT, spec.DEFAULT_RETRIES) == (60.0, 2)
    assert (scope.LOOKUP_TIMEOUT, collect.IMPORT_SECONDS, measure.PROBE_SECONDS) == (30.0, 60.0, 5.0)
    assert (measure.LEAST_SECONDS, measure.SHARES) == (0.25, 20)


def test_what_is_too_much_for_one_statement_or_one_answer() -> None:
    assert (measure.MOST_TARGETS, measure.MOST_PARAMETERS) == (1_600, 30_000)
    assert (bad_rows.MOST_TOGETHER, reflect.MOST_SHARED, scope.MOST_GROUPS) == (100_000, 100_000, 1_000)
    assert (reflect.MOST_BYTES, frames.CHUNK, snapshot.LONGEST_MESSAGE) == (250_000_000, 20_000, 300)


def test_how_many_rows_are_drawn_by_chance_and_how_many_of_them_are_a_sample() -> None:
    assert (evidence.DRAWN, evidence.LEAST_DRAWN, evidence.MOST_DRAWN, evidence.SAMPLE) == (1_000, 0.25, 4, 100)


def test_what_is_kept_from_run_to_run_of_a_process_is_limited() -> None:
    assert (compile_queries.MOST_ANSWERS, reflect.MOST_DESCRIBED) == (64, 256)


def test_how_many_names_are_listed() -> None:
    assert (scope.LISTED, rules.NEAREST, verdict.MOST_NEWS) == (12, 5, 3)


def test_a_run_for_which_nobody_chooses() -> None:
    assert {field.name: field.default for field in fields(Options)} == {
        "workers": 4, "role": None, "reader": None, "timeout": None, "pause": 0.2, "examples": 5, "clusters": 3,
        "listed": 2_500, "details": True, "statements": True, "floor": 0.6,
    }  # fmt: skip
