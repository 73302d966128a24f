"""A worker of Prefect whose flow runs start in milliseconds, as forks: a cold start of each is 4 to 6 s of processor.

Everything else is Prefect's own, down to the process group of a run, its signals and its exit code.
"""

from __future__ import annotations

import gc
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing import forkserver, util
from pathlib import Path
from typing import Any

import anyio
from prefect.cli import app
from prefect.runner import _starter_engine, _workspace_hook_runner, _workspace_runtime_bootstrap, _workspace_supervisor

from tests.forks import FORKS, become, work_to_the_end


class Fork:
    """A process of a flow run, as Prefect follows it."""

    def __init__(self, target: Callable[[], object]) -> None:
        self.process = FORKS.Process(target=target)
        self.process.start()
        self.pid = self.process.pid
        self.returncode: int | None = None

    async def wait(self) -> None:
        """Wait for its end; this thread alone may ask for the exit code, for it is told once."""
        await anyio.wait_readable(self.process.sentinel)
        self.process.join()
        self.returncode = self.process.exitcode


def main() -> None:
    """`prefect worker start`; what it starts are forks of a server below it, and so its descendants as new ones are."""
    forkserver._forkserver.__init__()  # type: ignore[misc]  # that of the tests is this process's parent
    forkserver.set_forkserver_preload([])
    for module, name, ours in (
        (util, "spawnv_passfds", _forked_server), (_starter_engine, "run_process", _run_as_fork),
        (_workspace_hook_runner, "run_process", _run_as_fork),
    ):  # fmt: skip
        assert name in vars(module)
        setattr(module, name, ours)
    gc.freeze()  # a run would look through all that is imported for garbage, and copy it by that
    forkserver.ensure_running()  # before there are threads, and handlers of signals
    sys.argv[0] = "prefect"
    app()


def _forked_server(path: object, words: list[str], passed: list[int]) -> int:
    """Start a fork server that is a fork, and so as warm as this process; returns its process id.

    The other end of a pipe that it reads must not stay open in it, or it would outlive its last client.
    """
    pid = os.fork()
    if not pid:
        ends = {(end.st_dev, end.st_ino) for end in map(os.fstat, passed)}
        for descriptor in range(3, 256):
            with suppress(OSError):
                end = os.fstat(descriptor)
                if descriptor not in passed and (end.st_dev, end.st_ino) in ends:
                    os.close(descriptor)
        try:
            exec(words[-1], {})  # noqa: S102 - what `python -c` was to do
        finally:
            os._exit(0)
    return pid


async def _run_as_fork(
    command: list[str], *, env: Mapping[str, str], cwd: Path, task_status: Any = None,
    task_status_handler: Callable[[Fork], object] = lambda fork: fork, **options: object,
) -> Fork:  # fmt: skip
    """Stands for Prefect's start of a process, for a flow run or for what is to be done after it."""
    match command[1:]:
        case ["-m", "prefect.runner._workspace_supervisor", config]:
            work = partial(_flow_run, config, env, cwd)
        case [_, "hook", *words]:
            work = partial(_hook, ["hook", *words], env, cwd)
        case _:
            raise AssertionError(f"Prefect starts something else: {command}")
    fork = Fork(work)
    if task_status is not None:
        task_status.started(task_status_handler(fork))
    await fork.wait()
    return fork


def _hook(words: list[str], environment: Mapping[str, str], folder: Path) -> None:
    become((), environment, folder)
    work_to_the_end(lambda: sys.exit(_workspace_runtime_bootstrap.main(words)))


def _flow_run(config: str, environment: Mapping[str, str], folder: Path) -> None:
    """Prepare a flow run as its own process does, and be what that would become by `exec`."""
    os.setsid()
    engines: list[Callable[[], None]] = []

    async def launch(command: list[str], *, cwd: Path, environment: Mapping[str, str]) -> int:
        assert command[1:] == ["-m", "prefect.engine"], command
        engines.append(partial(become, (), environment, cwd))
        return 0

    _workspace_supervisor._launch_engine = launch
    become((config,), environment, folder)
    code = _workspace_supervisor.main([config])
    for engine in engines:
        engine()
        work_to_the_end(partial(runpy.run_module, "prefect.engine", run_name="__main__"))
    sys.exit(code)
