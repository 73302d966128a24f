"""`check --pdb`: where a rule raised, on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flows.cli.shared import Exit
from tests.checks.author.test_author import database as database  # noqa: PLC0414 - a fixture
from tests.flows.bridge.command import RALLY_HEALTH
from tests.flows.conftest import Run
from tests.flows.conftest import run as run  # noqa: PLC0414 - a fixture

BROKEN = """
from checks import *

@row_check("orders", severity=Severity.LOW, threshold=above(warn=rows(0)))
def divides(row: Row):
    '''Divides by what is nothing.'''
    nothing = 0
    return row.total > 1 / nothing

@row_check("orders", severity=Severity.LOW, threshold=above(warn=rows(0)))
def joined_by_and(row: Row):
    '''The library raises, far below.'''
    return row.total > 3 and row.id > 3

@frame_check("orders", columns=["total"], severity=Severity.LOW, threshold=above(warn=rows(0)))
def counts_text(frame):
    '''A pandas rule.'''
    return frame.total + "x" > 3
"""


def on_terminal(typed: str, *arguments: str) -> str:
    """What `rally-health` shows on a terminal at which something is typed."""
    master, slave = pty.openpty()
    command = [RALLY_HEALTH, *arguments]
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        os.write(master, typed.encode())
        pieces = []
        try:
            while piece := os.read(master, 1 << 16):
                pieces.append(piece)
        except OSError:  # Linux says EIO where nobody has the terminal open any more
            pass
        process.wait(60)
    os.close(master)
    return b"".join(pieces).decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_debugger_opens_in_the_line_of_the_rule_that_raised(
    run: Run, tmp_path: Path, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init", "--rules-only")
    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.setenv("RALLY_RULES", "broken.py")

    shown = on_terminal(
        "p list(frame.columns)\nq\np 'nothing is', nothing\nq\nq\n", "check", "--domain", "broken", "--no-history",
        "--pdb",
    )  # fmt: skip

    assert "counts_text raised" in shown
    assert re.search(r"-> return frame.total \+ \"x\" > 3\n\(Pdb\) .*\n?\['total'\]", shown)
    assert re.search(r"-> return row.total > 1 / nothing\n\(Pdb\) .*\n?\('nothing is', 0\)", shown)
    assert "-> return row.total > 3 and row.id > 3\n(Pdb)" in shown
    assert (
        "could not be measured: the rule raised ZeroDivisionError at broken.py:8: return row.total > 1 / nothing"
        in (shown)
    )


@pytest.mark.slow
def test_a_debugger_has_nothing_to_do_where_nothing_raises(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init", "--rules-only")
    run("rules", "new", "order_without_customer", "--table", "orders")
    monkeypatch.setenv("RALLY_RULES", "rules")

    shown = on_terminal("", "check", "--name", "order_without_customer", "--no-history", "--pdb")

    assert "No rule raised anything: there is nothing to debug." in shown


def test_a_debugger_needs_a_terminal(run: Run) -> None:
    refused = run("check", "--pdb")

    assert refused.code == Exit.USAGE
    assert "--pdb needs a terminal" in refused.out
