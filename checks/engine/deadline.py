"""A limit on the time that a rule's Python code may take.

A statement has the database's own timeout; Python code has none, so it runs in a thread that the run stops waiting for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from threading import Thread
from typing import TypeVar

from checks.engine.errors import DeadlineError

Answer = TypeVar("Answer")


def within(seconds: float, what: str, function: Callable[[], Answer]) -> Answer:
    """The function's answer; raises DeadlineError when it does not come in time, and whatever the function raises."""
    future: Future[Answer] = Future()
    # a daemon: a rule that never returns must not keep the process alive
    thread = Thread(target=_answer, args=(future, function), name=f"rule {what}", daemon=True)
    thread.start()
    try:
        return future.result(timeout=seconds)
    except TimeoutError:
        if future.done():  # the function's own TimeoutError
            raise
        _interrupt(thread)
        raise DeadlineError(f"{what} did not return within {seconds:g} s") from None


def _answer(future: Future[Answer], function: Callable[[], Answer]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
        future.set_exception(error)


def _interrupt(thread: Thread) -> None:
    # ends a loop of Python code; code that hangs in C stays behind in its daemon thread
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
