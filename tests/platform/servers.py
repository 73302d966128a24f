"""A server of Debian's PostgreSQL 15 beside the embedded one, and a pooler in front of it, where they are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import URL, make_url

from etl.adoption.rights import READER

BINARIES = Path("/usr/lib/postgresql/15/bin")
MEMORY = Path("/dev/shm")  # noqa: S108 - folders of our own below it
PLENTY = 4 * 2**30
QUICK = {
    "fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB", "max_connections": "200", "jit": "off",
    "autovacuum": "off",
}  # fmt: skip
"""Parameters of a server whose data dies with the tests; a database of theirs is gone before it would be vacuumed."""
SPARE = 3
"""Databases of a server that nobody needs any more and that are still there."""
POOLER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
POOLED = """
[databases]
* = host={server}
[pgbouncer]
listen_port = 6432
unix_socket_dir = {home}
auth_type = trust
auth_file = {home}/users
pool_mode = transaction
default_pool_size = {size}
logfile = {home}/log
"""


_sessions: dict[URL, psycopg.Connection[Any]] = {}
_spare: dict[URL, deque[str]] = {}


def administer(url: str, statement: str, *, database: str = "postgres") -> None:
    """Run one statement as the server's superuser, outside of a transaction.

    The session stays for the next one: a new one for each costs as much as the copy of a database that it asks for.
    """
    if database != "postgres":  # that may be copied or dropped
        with _session(_superuser(url, database)) as session:
            session.execute(statement)
    else:
        _kept(url).execute(statement)


def written(url: str) -> str:
    """How far a server has written: whatever changes a row, a table or a sequence of any database moves it on."""
    (place,) = _kept(url).execute("select pg_current_wal_insert_lsn()::text").fetchone() or ("",)
    return str(place)


def drop(url: str, database: str) -> None:
    """Drop a database, a few databases later.

    A connection that is closed is not gone at once, and to drop its database then is a tenth of a second of waiting.
    """
    spare = _spare.setdefault(make_url(url).set(database=None), deque())
    spare.append(database)
    drop_spare(url, SPARE)


def drop_spare(url: str, keep: int = 0) -> None:
    """Drop what is still to be dropped on a server, the last few aside."""
    spare = _spare.get(make_url(url).set(database=None), deque())
    while len(spare) > keep:
        administer(url, f"drop database {spare.popleft()} with (force)")


def end_sessions(url: str, database: str) -> None:
    """End what a killed process or a thread has left connected to a database."""
    leftovers = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s"
    _kept(url).execute(leftovers, [database])


def _superuser(url: str, database: str) -> URL:
    return make_url(url).set(drivername="postgresql", database=database, username="rally")


def _kept(url: str) -> psycopg.Connection[Any]:
    target = _superuser(url, "postgres")
    if target not in _sessions or _sessions[target].closed:
        _sessions[target] = _session(target)
    return _sessions[target]


def _session(target: URL) -> psycopg.Connection[Any]:
    return psycopg.connect(target.render_as_string(hide_password=False), autocommit=True)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for a server whose data dies with the tests: in memory where there is plenty of it.

    On a busy disk the copy of a database takes twenty times as long. What a killed run left goes with the next one.
    """
    for left in MEMORY.glob("rally-tests-*-*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    where = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > PLENTY else None
    home = Path(tempfile.mkdtemp(prefix=f"rally-tests-{os.getpid()}-", dir=where))
    home.chmod(0o755)  # the server may run as another user
    try:
        yield home
    finally:
        shutil.rmtree(home)


@contextmanager
def debian_server() -> Iterator[str]:
    """URL of a server of its own for the block; no fsync, for its data dies with it."""
    with quick_folder() as home:
        identity = _identity(home, pwd.getpwnam("nobody"))
        initdb = ("initdb", "-D", str(home / "data"), "-U", "rally", "--auth=trust", "--encoding=UTF8", "--locale=C")
        _run(identity, *initdb)
        options = QUICK | {"listen_addresses": "", "timezone": "UTC"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [str(BINARIES / "postgres"), "-D", str(home / "data"), "-k", str(home), *words]
        with _running(command, home, identity, f"host={home} user=rally dbname=postgres"):
            yield f"postgresql+psycopg://rally@/postgres?host={home}"


@contextmanager
def pooler(url: URL, *, size: int) -> Iterator[URL]:
    """URL of a database behind pgbouncer in transaction mode, with so many connections to its server, for the block.

    It runs as the server's user, for an embedded server lets no stranger in.
    """
    socket = Path(str(url.query["host"]))
    with quick_folder() as home:
        (home / "users").write_text(f'"{url.username}" ""\n"{READER}" ""\n')
        (home / "pooler.ini").write_text(POOLED.format(server=socket, home=home, size=size))
        address = f"host={home} port=6432 user={url.username} dbname={url.database}"
        identity = _identity(home, pwd.getpwuid(socket.stat().st_uid))
        with _running([str(POOLER), str(home / "pooler.ini")], home, identity, address):
            yield url.set(query={"host": str(home), "port": "6432"})


@contextmanager
def _running(command: list[str], home: Path, identity: dict[str, Any], address: str) -> Iterator[None]:
    """Run a server until the block ends."""
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **identity)
    try:
        _wait(home, process, address)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _identity(home: Path, user: pwd.struct_passwd) -> dict[str, Any]:
    """Arguments that make a child run as a user who is not root, where root runs us; the folder is handed to it."""
    if os.geteuid() != 0:
        return {}
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _run(identity: dict[str, Any], program: str, *words: str) -> None:
    subprocess.run([str(BINARIES / program), *words], check=True, capture_output=True, **identity)


def _wait(home: Path, process: subprocess.Popen[bytes], address: str) -> None:
    while process.poll() is None:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError((home / "output").read_text(errors="replace")[-2000:])
