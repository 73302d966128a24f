"""A server of Debian's PostgreSQL 15 beside the embedded one, where its binaries are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def debian_server() -> Iterator[str]:
    """URL of a server of its own for the block; no fsync, for its data dies with it."""
    home = Path(tempfile.mkdtemp(prefix="rally-pg15-"))
    identity = _identity(home)
    _run(identity, "initdb", "-D", str(home / "data"), "-U", "rally", "--auth=trust", "--encoding=UTF8", "--locale=C")
    options = {"listen_addresses": "", "fsync": "off", "max_connections": "200", "timezone": "UTC"}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        command = [str(BINARIES / "postgres"), "-D", str(home / "data"), "-k", str(home), *words]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **identity)
    try:
        _wait(home, process)
        yield f"postgresql+psycopg://rally@/postgres?host={home}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(home)


def _identity(home: Path) -> dict[str, Any]:
    """Arguments that make a child run as a user who is not root; the folder is handed to it."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _run(identity: dict[str, Any], program: str, *words: str) -> None:
    subprocess.run([str(BINARIES / program), *words], check=True, capture_output=True, **identity)


def _wait(home: Path, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            psycopg.connect(f"host={home} user=rally dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError((home / "log").read_text(errors="replace")[-2000:])
