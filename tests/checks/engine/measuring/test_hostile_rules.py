"""Twenty rules and more that try to end the run, among forty good ones: the forty are what they are without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from checks import Status
from checks.engine.collecting.collect import collect
from checks.engine.measuring.child import in_own_process, text_of
from checks.engine.reporting.verdict import Exit
from checks.engine.run import run_checks
from etl import Terminated
from tests.checks.engine.conftest import request, thing

HEAD = """
import ctypes, os, signal, sys, threading, time
import pytest
from sqlalchemy import func, literal_column, select
from checks import Bad, Severity, above, check, fixture, frame_check, metric_check, percent, row_check, rows
from tests.checks.engine.conftest import things

LIMIT = above(warn=percent(100))
"""
# a scan has the longest time of its rules: what hangs in it would hang for the usual minute
GOOD = """
@row_check(things, severity=Severity.LOW, threshold=LIMIT, timeout=5)
def good_row_{number}(row):
    return row.size > {number}

@frame_check(things, columns=["size"], severity=Severity.LOW, threshold=LIMIT)
def good_frame_{number}(frame):
    return frame["size"] > {number}
"""
ROW = """
@row_check(things, severity=Severity.LOW, threshold=LIMIT, timeout=2)
def bad_{number}(row):
    {body}
    return row.size > 1
"""
FRAME = """
@frame_check(things, columns=["size"], severity=Severity.LOW, threshold=LIMIT, timeout=2)
def bad_{number}(frame):
    {body}
    return frame["size"] > 1
"""
SQL = """
@row_check(things, severity=Severity.LOW, threshold=LIMIT, timeout=2, retries=0)
def bad_{number}(row):
    return literal_column({body!r}).is_(None)
"""
CHECK = """
@check(severity=Severity.LOW, threshold=above(warn=rows(0)), timeout=2, retries=0)
def bad_{number}():
    return Bad(select(things.c.id).where(literal_column({body!r}) != "x"))
"""
BODIES = [
    (ROW, "sys.exit(0)"),
    (ROW, "os._exit(0)"),
    (ROW, "os.kill(os.getpid(), signal.SIGSEGV)"),
    (ROW, "pytest.skip('not today')"),
    (ROW, "raise GeneratorExit"),
    (ROW, "raise KeyboardInterrupt"),
    (ROW, "threading.Event().wait(60)"),
    (ROW, "os.abort()"),
    (ROW, "sys.stdout.close()"),
    (ROW, "os.closerange(0, 500)"),
    (ROW, "os.dup2(os.open('/proc/self/status', os.O_RDONLY), 2)"),
    (ROW, "signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    (ROW, "os.chdir('/')"),
    (FRAME, "os.closerange(0, 500)"),
    (FRAME, "bytearray(10 ** 14)"),
    (FRAME, "sys.exit(0)"),
    (FRAME, "os._exit(0)"),
    (FRAME, "ctypes.string_at(0)"),
    (FRAME, "pytest.skip('not today')"),
    (FRAME, "raise KeyboardInterrupt"),
    (FRAME, "os.kill(os.getpid(), signal.SIGKILL)"),
    (FRAME, "while True: pass"),
    (CHECK, "set_config('client_encoding', 'SQL_ASCII', false)"),
    (SQL, "set_config('statement_timeout', '0', false) || pg_sleep(60)::text"),
    (SQL, "pg_terminate_backend(pg_backend_pid())::text"),
    (SQL, "pg_sleep(60)::text"),
]
DYING_FILES = {"at_import_exits": "import sys\nsys.exit(0)\n", "at_import_dies": "import os\nos._exit(0)\n"}


@pytest.mark.slow
def test_twenty_hostile_rules_among_forty_good_ones(
    shelves: Engine, put: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path.cwd())
    put(*(thing(str(size), size=size) for size in range(30)))
    good, all_rules = tmp_path / "good", tmp_path / "all"
    for folder in (good, all_rules):
        folder.mkdir()
        (folder / "good.py").write_text(HEAD + "".join(GOOD.format(number=number) for number in range(20)))
    bad = [frame.format(number=number, body=body) for number, (frame, body) in enumerate(BODIES)]
    (all_rules / "bad.py").write_text(HEAD + "".join(bad))
    for name, text in DYING_FILES.items():
        (all_rules / f"{name}.py").write_text(text)

    alone = run_checks(shelves, collect([good]), request())
    among = run_checks(shelves, collect([all_rules]), request())

    def figures(report: Any, prefix: str) -> dict[str, Any]:
        own = [result for result in report.results if result.rule.startswith(prefix)]
        return {one.rule: (one.status, one.count, one.total, len(one.examples)) for one in own}

    assert len(figures(alone, "good")) == 40
    assert figures(among, "good") == figures(alone, "good")
    wrong = [result for result in among.results if not result.rule.startswith("good")]
    assert len(wrong) == len(BODIES) + len(DYING_FILES)
    assert {result.rule for result in wrong if result.status is not Status.ERROR} == set()
    assert among.exit_code() is Exit.PARTIAL


def test_a_file_that_ends_the_process_that_imports_it_is_an_error_and_stops_no_other(
    shelves: Engine, put: Callable[..., None], tmp_path: Path
) -> None:
    put(thing("a", size=1))
    (tmp_path / "dying.py").write_text("import os\nos._exit(0)\n")
    (tmp_path / "fine.py").write_text(HEAD + GOOD.format(number=0))

    report = run_checks(shelves, collect([tmp_path]), request())

    assert report.of("good_row_0").count == 1
    assert report.of("rules_of_dying").error == (
        f"its file {tmp_path / 'dying.py'} cannot be imported: the import of {tmp_path / 'dying.py'} ended its process"
        " (exit status 0); it ran in one of its own"
    )


TEXTS = {
    "os._exit(0)": "bad_0() ended its process (exit status 0); it ran in one of its own",
    "raise SystemExit(0)": "the rule raised Own at texts.py:15: raise Own (its text cannot be made: SystemExit)",
    "raise ValueError": "the rule raised Own at texts.py:15: raise Own (its text cannot be made: ValueError)",
}


@pytest.mark.parametrize(("body", "told"), TEXTS.items(), ids=TEXTS)
def test_the_text_of_an_error_is_a_rules_own_python_too(
    shelves: Engine, put: Callable[..., None], tmp_path: Path, body: str, told: str
) -> None:
    """Making it ended the run: with exit code 0, or by an error behind the boundary of the rule."""
    put(thing("a", size=1))
    own = f"class Own(Exception):\n    def __str__(self):\n        {body}\n"
    (tmp_path / "texts.py").write_text(HEAD + own + ROW.format(number=0, body="raise Own"))

    assert run_checks(shelves, collect([tmp_path]), request()).of("bad_0").error == told


def test_what_rules_print_stands_beside_documents_on_standard_output(
    shelves: Engine, put: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A print left in a rule stood in the middle of `check --json -`."""
    put(thing("a", size=1))
    body = "print('in the rule')"
    (tmp_path / "chatty.py").write_text(HEAD + "print('at the import')\n" + ROW.format(number=0, body=body))

    report = run_checks(shelves, collect([tmp_path]), request())

    printed = capsys.readouterr()
    assert report.of("bad_0").status is Status.OK
    assert (printed.out, printed.err) == ("", "at the import\nin the rule\n")


def test_a_signal_that_ends_the_command_is_no_error_of_the_rule_that_it_met() -> None:
    with pytest.raises(Terminated), in_own_process("a rule"):
        raise Terminated(15)

    class Interrupted(Exception):
        def __str__(self) -> str:
            raise Terminated(15)

    with pytest.raises(Terminated):
        text_of(Interrupted())
