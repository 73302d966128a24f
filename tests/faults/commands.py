"""The command line in a folder of its own, a proxy that kills it, and a look at what it has left at the server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, text

from etl import connections, database
from flows.cli.main import main
from tests.forks import Ended, Running
from tests.silent import DatabaseProxy, Fault


def impatient() -> None:
    """The command line with a tenth of its pauses between tries, and of the grace that it gives a silent server."""
    database.FIRST_DELAY /= 10
    connections.GRACE /= 10
    main()


@dataclass(frozen=True)
class Rally:
    """The command line in a folder, with an environment of its own and nothing else."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def on(self, url: str) -> Rally:
        """The same on another database."""
        return Rally(self.folder, {**self.environment, "DATABASE_URL": url})

    def having(self, **more: str) -> Rally:
        """The same with more in its environment."""
        return Rally(self.folder, {**self.environment, **more})

    def start(self, *arguments: str) -> Running:
        """Start a command."""
        basic = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "RALLY_TIMEZONE": "UTC", "USER": "tester"}
        return Running(arguments, {**basic, **self.environment}, self.folder, work=impatient)

    def run(self, *arguments: str) -> Ended:
        """Run a command to its end; what it printed is one text."""
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
