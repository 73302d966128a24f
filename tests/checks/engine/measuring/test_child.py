"""A person's Python in a process of its own: what comes back, and what is said of how it ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks.engine.authoring import DeadlineError, MeasureError
from checks.engine.measuring.child import in_child, in_own_process, notice, rehearse, text_of, where_raised


def said(work: Callable[[], object], kind: type[Exception] = MeasureError) -> str:
    """What is said of what fails."""
    with pytest.raises(kind) as failed:
        work()
    return str(failed.value)


def raised(error: BaseException) -> Any:
    raise error


def test_bytes_come_back_also_very_many_and_none() -> None:
    assert [len(in_child(9, "it", partial(bytes, size))) for size in (0, 1, 300_000)] == [0, 1, 300_000]


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: raised(MeasureError("the rule is lame")), "the rule is lame"),
        (lambda: raised(ValueError("a name of a person")), "the rule raised ValueError"),
        (lambda: os._exit(3), "it() ended its process (exit status 3); it ran in one of its own"),
        (lambda: os._exit(0), "it() ended its process (exit status 0); it ran in one of its own"),
    ],
)
def test_what_happens_in_the_child_is_told(work: Callable[[], bytes], told: str) -> None:
    assert said(lambda: in_child(9, "it()", work)) == told


def test_a_child_that_is_killed_is_told_by_its_signal() -> None:
    def killed() -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    assert "SIGKILL" in said(lambda: in_child(9, "it()", killed))


def test_a_child_that_takes_too_long_is_ended() -> None:
    def endless() -> bytes:
        while True:
            time.sleep(1)

    assert said(lambda: in_child(0.2, "it()", endless), DeadlineError) == "it() did not return within 0.2 s"


def test_what_a_child_prints_stands_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    def chatty() -> bytes:
        os.write(1, b"to the output\n")
        return b"done"

    answer = in_child(9, "it()", chatty)

    printed = capfd.readouterr()
    assert (answer, printed.out, printed.err) == (b"done", "", "to the output\n")


def test_what_waits_to_be_printed_is_printed_once(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("before ")
    in_child(9, "it()", lambda: b"")

    assert capfd.readouterr().out == "before "


@pytest.mark.parametrize(
    ("work", "changed"),
    [
        (lambda: os.chdir("/"), "working folder"),
        (lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN), "handlers of signals"),
        (lambda: sys.stdout and sys.stdout.close(), "standard output"),
        (lambda: os.close(2), "open files"),
    ],
)
def test_what_changes_the_process_is_refused_before_it_is_called_for_real(
    work: Callable[[], object], changed: str
) -> None:
    assert said(lambda: rehearse(9, "it()", work)).startswith("it() changes its process, which is the run's: ")
    assert changed in said(lambda: rehearse(9, "it()", work))


def test_what_raises_or_prints_or_opens_more_is_left_to_the_real_call(capfd: pytest.CaptureFixture[str]) -> None:
    def opening() -> None:
        os.write(1, b"heard twice")
        os.write(2, b"heard twice")
        os.open(os.devnull, os.O_RDONLY)
        raise ValueError

    rehearse(9, "it()", opening)

    assert capfd.readouterr() == ("", "")


def test_what_would_end_the_run_is_an_error_of_the_rule() -> None:
    def ending(error: BaseException) -> None:
        with in_own_process("it()"):
            raise error

    assert said(lambda: ending(SystemExit(3))) == "it() raised SystemExit, which would end the whole run"
    assert said(lambda: ending(ValueError("as it is")), ValueError) == "as it is"
    with pytest.raises(KeyboardInterrupt):
        ending(KeyboardInterrupt())


def test_whoever_watches_hears_what_is_called_and_its_prints_are_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    token = notice.set(heard.append)
    try:
        with in_own_process("it()"):
            sys.stdout.write("a document?")
    finally:
        notice.reset(token)

    assert (heard, capsys.readouterr()) == (["it()"], ("", "a document?"))


LAME = """
def helper():
    raise ValueError("a name")


def rule():
    return helper(
    )


def outer():
    import json
    json.loads("{")
"""


@pytest.mark.parametrize(
    ("name", "place"),
    [("rule", ' at lame.py:3: raise ValueError("a name")'), ("outer", ' at lame.py:13: json.loads("{")')],
)
def test_where_a_rule_raised_is_the_last_line_of_its_own_file(tmp_path: Path, name: str, place: str) -> None:
    file = tmp_path / "lame.py"
    file.write_text(LAME)
    own: dict[str, Any] = {}
    exec(compile(LAME, str(file), "exec"), own)  # noqa: S102 - a rule's own file
    check: Any = SimpleNamespace(source=SimpleNamespace(file=str(file)))
    other: Any = SimpleNamespace(source=SimpleNamespace(file="other.py"))

    with pytest.raises(ValueError) as failed:  # noqa: PT011 - which one is told by its place
        own[name]()

    assert (where_raised(failed.value, check), where_raised(failed.value, other)) == (place, "")


def test_the_text_of_an_error_is_made_by_a_person_too() -> None:
    class Lame(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert (text_of(ValueError("as it is")), text_of(Lame())) == ("as it is", "its text cannot be made: SystemExit")
