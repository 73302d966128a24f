"""A rule that ends the process of a command, although it behaved when it was tried: exit 5 and a sentence, never 0."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.flows.bridge.command import RALLY_HEALTH, Command, ended
from tests.flows.bridge.stage import until
from tests.forks import Ended

pytestmark = pytest.mark.slow

HEAD = """
import os, pathlib, sys, threading, time
from checks import Severity, above, percent, row_check
from etl.tables import schedule

def second_time(name):
    marker = pathlib.Path(name)
    seen = marker.exists()
    marker.touch()
    return seen
"""
RULE = """
@row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(100)), timeout=30)
def odd_one(row):
    \"\"\"Odd.\"\"\"
    {body}
    return row.id > 1
"""
IN_ITS_BODY = HEAD + RULE.format(body="second_time('body') and os._exit(0)")
AT_IMPORT = HEAD + "second_time('import') and os._exit(0)\n" + RULE.format(body="")
BY_A_THREAD = HEAD + "threading.Timer(2, os._exit, [0]).start()\n" + RULE.format(body="threading.Event().wait(5)")
BY_A_SIGNAL = HEAD + RULE.format(body="second_time('body') and os.kill(os.getpid(), 9)")
WAITING = HEAD + RULE.format(body="second_time('body') and (pathlib.Path('waits').touch(), threading.Event().wait(25))")
SOFT = HEAD + "second_time('import') and sys.exit(0)\n" + RULE.format(body="")


def ruled(command: Command, text: str) -> Command:
    """The command line with a file of rules of somebody's own."""
    (command.folder / "odd.py").write_text(text)
    return command.having(RALLY_RULES="odd.py")


def sentence(how: str, called: str, command: str = "check") -> str:
    return (
        f"error: the process of {command} was ended in the middle of its work ({how}); of the rules' own Python it had"
        f" called last: {called}; what it had not stored is not done: mend that rule or take it out of RALLY_RULES, and"
        " run this again\n"
    )


@pytest.mark.parametrize(
    ("text", "how", "called"),
    [
        (IN_ITS_BODY, "exit status 0", "odd_one() of {}:12"),
        (AT_IMPORT, "exit status 0", "the import of odd.py"),
        (BY_A_THREAD, "exit status 0", "the import of odd.py"),
        (BY_A_SIGNAL, "signal SIGKILL", "odd_one() of {}:12"),
    ],
    ids=["in its body", "at import", "by a thread", "by a signal"],
)
def test_a_rule_that_ends_the_process_is_named_and_the_check_is_partial(
    command: Command, text: str, how: str, called: str
) -> None:
    """Each of these gave exit 0 and no report, which cron takes for health."""
    done = ruled(command, text).run("check", "--name", "odd_one")

    assert done == Ended(5, "", sentence(how, called.format(command.folder / "odd.py")))


@pytest.mark.parametrize(
    "arguments",
    [("rules", "list"), ("rules", "test"), ("fix", "plan"), ("import", "."), ("backtest", "odd_one"),
     ("config", "check"), ("doctor",), ("init",)],
    ids=" ".join,
)  # fmt: skip
def test_every_command_that_loads_rules_is_watched(command: Command, arguments: tuple[str, ...]) -> None:
    done = ruled(command, AT_IMPORT).run(*arguments)

    assert (done.code, done.err.splitlines()[-1]) == (
        5, sentence("exit status 0", "the import of odd.py", arguments[0]).rstrip()
    )  # fmt: skip


def test_a_file_that_leaves_politely_at_its_second_import_is_an_error_of_its_own(command: Command) -> None:
    done = ruled(command, SOFT).run("check", "--name", "rules_of_odd", "--json")

    (result,) = done.json["results"]
    assert (done.code, result["status"]) == (5, "ERROR")
    assert result["error"] == (
        "its file odd.py cannot be imported: the import of odd.py raised SystemExit, which would end the whole run"
    )


def test_who_ends_the_command_ends_the_process_that_works_for_it(command: Command) -> None:
    """SIGTERM at the process that was started; the one that works is gone too, and the exit is that of SIGTERM."""
    started = _waiting(command)

    started.send_signal(signal.SIGTERM)

    assert ended(started) == Ended(-signal.SIGTERM, "", "")


def test_a_command_that_is_killed_takes_the_process_that_works_for_it_along(command: Command) -> None:
    started = _waiting(command)

    started.kill()

    # both hold these pipes: their end is the end of the last of the two
    assert ended(started, 10).code == -signal.SIGKILL


def test_an_interrupt_from_the_keyboard_ends_it_once(command: Command) -> None:
    (controller, terminal), able = pty.openpty(), ruled(command, WAITING)
    # a leader of a session that opens a terminal is governed by it
    line = f"exec {RALLY_HEALTH} check --name odd_one < {os.ttyname(terminal)}"
    with subprocess.Popen(
        ["/bin/sh", "-c", line], env=dict(able.environment), cwd=command.folder, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=_hears_interrupts,  # noqa: PLW1509 - one thread alone
    ) as started:  # fmt: skip
        _await(started, command.folder / "waits")
        os.write(controller, b"\x03")
        out, _ = started.communicate(timeout=20)

    assert (started.returncode, "Traceback" in out, "was ended in the middle" in out) == (130, False, False), out


def _hears_interrupts() -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # tests that a shell put in the background ignore it, and their children


def _waiting(command: Command) -> subprocess.Popen[str]:
    started = ruled(command, WAITING).start("check", "--name", "odd_one")
    _await(started, command.folder / "waits")
    return started


def _await(started: subprocess.Popen[str], marker: Path) -> None:
    until(lambda: marker.exists() or started.poll() is not None or None, "the rule was not called twice")
    assert started.poll() is None, started.communicate()
