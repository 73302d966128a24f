"""`rally-health` as processes that start in milliseconds: forks of a server that has imported everything."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import Engine, text

import flows.cli
from flows.cli.main import main
from tests.flows.bridge.command import Ended
from tests.silent import DatabaseProxy, Fault

for _found in pkgutil.iter_modules(flows.cli.__path__):
    importlib.import_module(f"flows.cli.{_found.name}")

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
LONGEST = 120.0
"""Seconds that a command may take; one that takes longer waits for ever, which is what these tests look for."""


def run_command(arguments: tuple[str, ...], environment: Mapping[str, str], folder: str, output: str) -> None:
    """Be the command: what a new process would be, without its imports."""
    with Path(output).open("wb") as printed, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["rally-health", *arguments]
    main()


class StillRunning(AssertionError):
    """A command that did not end."""


class Running:
    """A command that was started."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, output: Path) -> None:
        self._output = output
        self.arguments = arguments
        self.process = FORKS.Process(target=run_command, args=(arguments, dict(environment), str(folder), str(output)))
        self.process.start()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()

    def end(self, timeout: float = LONGEST) -> Ended:
        """Wait for its end; what it printed is one text."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            raise StillRunning(f"{' '.join(self.arguments)} did not end within {timeout:g} s: {self._printed()}")
        return Ended(self.process.exitcode, self._printed(), "")

    def _printed(self) -> str:
        return self._output.read_text(errors="replace") if self._output.exists() else ""


@dataclass(frozen=True)
class Rally:
    """The command line in a folder, with an environment of its own and nothing else."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def on(self, url: str) -> Rally:
        """The same on another database."""
        return Rally(self.folder, {**self.environment, "DATABASE_URL": url}, self._numbers)

    def having(self, **more: str) -> Rally:
        """The same with more in its environment."""
        return Rally(self.folder, {**self.environment, **more}, self._numbers)

    def start(self, *arguments: str) -> Running:
        """Start a command."""
        basic = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "RALLY_TIMEZONE": "UTC", "USER": "tester"}
        output = self.folder / f"printed-{next(self._numbers)}"
        return Running(arguments, {**basic, **self.environment}, self.folder, output)

    def run(self, *arguments: str) -> Ended:
        """Run a command to its end."""
        return self.start(*arguments).end()


class KillingProxy(DatabaseProxy):
    """Counts what a client sends, and kills it at a number: before the server gets that message, or just after."""

    victim: Callable[[], None] = staticmethod(lambda: None)

    def kill_at(self, number: int, *, before: bool) -> None:
        """Kill at the `number`-th message, from 1 on; 0 kills nowhere and counts."""
        self.fail_at("every message", number, Fault.CUT, before=before, for_good=False)

    def _hit(self, data: bytes) -> bool:
        with self._lock:
            self.count += 1
            hit = self.count == self._number
        if hit:
            self.failed = True
            self.victim()
        return hit


QUIET = text("""
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name like 'rally-health%'
""")

LEFT = text("""
select application_name, state, wait_event, now() - query_start as since, left(query, 200) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name like 'rally-health%'
""")


def wait_until_quiet(engine: Engine) -> None:
    """Wait until the server has noticed that its clients are dead, and has ended their sessions, idle ones as well."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(3000):  # one that waits for a lock does so for 30 s, and only then looks for its client
            if not connection.scalar(QUIET):
                return
            connection.execute(text("select pg_sleep(0.02)"))
        left = connection.execute(LEFT).all()
    raise AssertionError(f"a backend outlived its client by a minute: {left}")


def url_of(engine: Engine) -> str:
    """The URL of an engine's database."""
    return engine.url.render_as_string(hide_password=False)


@contextmanager
def killing_proxy(engine: Engine) -> Iterator[KillingProxy]:
    """A proxy before the database of an engine."""
    with KillingProxy(url_of(engine)) as proxy:
        yield proxy
