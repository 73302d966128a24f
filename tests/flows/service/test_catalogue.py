"""Rules by the settings: the very same ones as long as nothing of the settings and no file of rules has changed."""

from __future__ import annotations

import os
from pathlib import Path

from etl.importing.declared import Seasons
from flows.service.catalogue import rules_of
from flows.settings import Settings

RULE = '''
from checks import Severity, above, percent, row_check
from etl.tables import schedule

@row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(5)))
def {name}(row):
    """A match that is odd."""
    return row.id < 0
'''


def test_rules_are_the_same_objects_while_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(RULE.format(name="odd_match"))

    first, second = (rules_of(Settings(rule_sources=(str(tmp_path),))) for _ in range(2))

    assert first["odd_match"] is second["odd_match"]
    assert first["duplicate_match"] is second["duplicate_match"]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    settings = Settings(rule_sources=(str(tmp_path),))
    (file := tmp_path / "odd.py").write_text(RULE.format(name="odd_match"))
    before = rules_of(settings)
    kept = file.stat().st_mtime_ns
    file.write_text(RULE.format(name="odder_match"))
    os.utime(file, ns=(kept, kept))  # the same moment: its size tells

    assert ("odd_match" in before, "odder_match" in before) == (True, False)
    assert ("odd_match" in rules_of(settings), "odder_match" in rules_of(settings)) == (False, True)


def test_a_file_more_is_a_rule_more(tmp_path: Path) -> None:
    settings = Settings(rule_sources=(str(tmp_path),))
    (tmp_path / "odd.py").write_text(RULE.format(name="odd_match"))
    before = rules_of(settings)
    (tmp_path / "odder.py").write_text(RULE.format(name="odder_match"))

    assert {*rules_of(settings)} - {*before} == {"odder_match"}


def test_other_settings_make_other_rules() -> None:
    usual, longer = (rules_of(Settings(seasons=Seasons(break_days=days))) for days in (45, 75))

    assert usual["team_without_schedule"] is not longer["team_without_schedule"]
