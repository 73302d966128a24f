"""What a rule and a run have where nobody says otherwise."""

from __future__ import annotations

from dataclasses import fields

from checks.engine.authoring import spec
from checks.engine.run import Options


def test_a_rule_has_a_minute_and_two_more_tries() -> None:
    assert (spec.DEFAULT_TIMEOUT, spec.DEFAULT_RETRIES) == (60.0, 2)


def test_a_run_for_which_nobody_chooses() -> None:
    assert {field.name: field.default for field in fields(Options)} == {
        "workers": 4, "role": None, "reader": None, "timeout": None, "pause": 0.2, "examples": 5, "clusters": 3,
        "listed": 2_500, "details": True, "statements": True, "floor": 0.6,
    }  # fmt: skip
