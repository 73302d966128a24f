"""A Prefect server on loopback that all processes of a test session share: it takes a while to start."""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import certifi
import httpx
import psutil

from tests.forks import Running

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 180
PREFECT = str(Path(sys.executable).with_name("prefect"))
"""The client and worker."""


@contextmanager
def shared_server(home: Path, migrated: Path | None = None, **environment: str) -> Iterator[str]:
    """The URL of the server's API; the first to ask starts it, with this environment, the last to leave stops it.

    A database that is `migrated` already is copied, and left there by the first server that found none: migrations are
    7 of the 12 s of processor of a start.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "users.lock").open("a+") as users:
        with _alone(home):
            fcntl.flock(users, fcntl.LOCK_SH)
            _ensure_started(home, migrated, environment)
        try:
            yield (home / "url").read_text()
        finally:
            with _alone(home):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _last(users.fileno()):
                    _kill(home)  # asked to leave, it would take ten seconds; nobody wants its data
                    (home / "url").unlink()


def prefect_environment(home: Path, url: str) -> Mapping[str, str]:
    """The environment of a process that talks to the server, and to nobody else."""
    strange = {name for name in os.environ if name.startswith(("PREFECT_", "RALLY_", "DATABASE_URL"))}
    kept = {name: value for name, value in os.environ.items() if name not in strange}
    return kept | {
        "PREFECT_HOME": str(home), "PREFECT_API_URL": url, "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_SSL_CERT_FILE": str(_one_authority(home)), "DO_NOT_TRACK": "1", "NO_COLOR": "1", "COLUMNS": "200",
    }  # fmt: skip


def _one_authority(home: Path) -> Path:
    """A file with a single certificate authority of all that there are.

    Each client of Prefect reads them all, 84 times in a `prefect deploy --all`, at 19 ms each; here nobody speaks TLS.
    """
    target, end = home / "authority.pem", "-----END CERTIFICATE-----\n"
    if not target.exists():
        home.mkdir(parents=True, exist_ok=True)
        own = target.with_suffix(f".{os.getpid()}")  # others may write theirs
        own.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end)
        own.replace(target)
    return target


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _last(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_started(home: Path, migrated: Path | None, environment: Mapping[str, str]) -> None:
    if not (home / "url").exists():
        url, database = f"http://127.0.0.1:{free_port()}/api", home / "prefect.db"
        if migrated is not None and migrated.exists() and not database.exists():
            shutil.copy(migrated, database)
        start_server(home, url, **environment)
        if migrated is not None and not migrated.exists():
            _leave(database, migrated)
        (home / "url").write_text(url)


def _leave(database: Path, target: Path) -> None:
    """Leave a copy of a server's database; there is all of it or nothing, for others may look for it."""
    unfinished = database.with_name("unfinished.db")
    with closing(sqlite3.connect(database)) as own, closing(sqlite3.connect(unfinished)) as copy:
        own.backup(copy)
    unfinished.replace(target)


def start_server(home: Path, url: str, **environment: str) -> None:
    """Start a server at an address; one that was killed knows what it knew."""
    words = ("server", "start", "--host", "127.0.0.1", "--port", str(httpx.URL(url).port))
    recorder = "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER"
    # runs that wait for their turn are looked at every few seconds instead of every half a minute; states of tasks are
    # stored by the second, not each in a transaction of its own; nobody needs a type of block
    quick = {
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false", "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        f"{recorder}_READ_BATCH_SIZE": "20", f"{recorder}_BATCH_SIZE": "20", f"{recorder}_FLUSH_INTERVAL": "1",
    }  # fmt: skip
    log, told = home / "server.log", home / "pid"
    _start(words, {**prefect_environment(home, url), **quick, **environment}, log, told)
    _await(url, psutil.Process(int(told.read_text())), log)


def _start(words: tuple[str, ...], environment: Mapping[str, str], log: Path, told: Path) -> None:
    """A process of `prefect` with these words: a fork, or what TEST_PREFECT_SERVER names (`make older`)."""
    other = os.environ.get("TEST_PREFECT_SERVER")
    if other is None:
        ended = Running(words, environment, ROOT, work=partial(_leave_behind, log, told)).end()
        assert ended.code == 0, ended
        return
    with log.open("w") as out:
        process = subprocess.Popen(
            [other, *words], env=environment, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
        )
    told.write_text(str(process.pid))


def _leave_behind(log: Path, told: Path) -> None:
    """In a fork: leave the server behind, which prints into a file, and write down its process id.

    Half of a cold start is imports that a fork has made already.
    """
    pid = os.fork()
    if pid:
        told.write_text(str(pid))
        return
    os.setsid()
    with log.open("wb") as printed:
        for stream in (1, 2):
            os.dup2(printed.fileno(), stream)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # among them are ends of pipes whose other ends wait for this process
    importlib.import_module("tests.flows.bridge.own_server").main()


def kill_server(home: Path) -> None:
    """End a server and all its processes at once, as a machine that loses power does."""
    psutil.wait_procs(_kill(home), timeout=10)


def _kill(home: Path) -> list[psutil.Process]:
    """Kill a server and all its processes; one that another process of the tests has started stays a zombie of that."""
    try:
        server = psutil.Process(int((home / "pid").read_text()))
    except psutil.NoSuchProcess:
        return []
    family = [*server.children(recursive=True), server]
    for process in reversed(family):
        process.kill()
    return family


def _await(url: str, server: psutil.Process, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        try:
            # one that wants a password says 401
            if httpx.get(f"{url}/health", timeout=2).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()[-3000:]}")
