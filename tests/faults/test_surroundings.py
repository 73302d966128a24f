"""A full disk, a pooler in between, a server that is killed: what happened is said, and the next run is right."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import Engine, text

from etl.database import open_engine
from etl.embedded import running
from etl.migrate import upgrade
from tests.etl.importing.feeds import APTA, fixture
from tests.etl.importing.feeds import write as write_feed
from tests.faults.commands import KillingProxy, Rally, killing_proxy, url_of
from tests.faults.test_kills import (
    RUNNING,
    TEAMS,
    look_at_feeds,
    prepare_dirt,
    prepare_import,
    prepare_repaired,
    prepare_snapshot,
    rows,
)
from tests.platform.servers import POOLER, administer, pooler

pytestmark = pytest.mark.slow

IMPORT = ("import", f"new/{APTA}")
SIZE = "24m"


@pytest.fixture
def small(tmp_path: Path, server: str) -> Iterator[Path]:
    """A disk of 24 MB that belongs to the server's user."""
    folder = Path(mkdtemp(prefix="rally-small-"))
    folder.chmod(0o755)  # the server's user must reach it
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("no right to mount a tmpfs here")
    with ExitStack() as stack:
        stack.callback(folder.rmdir)
        stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
        stack.callback(shutil.rmtree, folder / "space", ignore_errors=True)
        owner = _owner_of(server)
        (folder / "space").mkdir(mode=0o700)
        os.chown(folder / "space", owner.pw_uid, owner.pw_gid)
        yield folder


def _owner_of(server: str) -> pwd.struct_passwd:
    """The user that the session's server runs as."""
    return pwd.getpwuid(Path(server.split("host=", 1)[1].replace("%2F", "/")).stat().st_uid)


def fill(folder: Path) -> Path:
    """Leave not a byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_database_without_room_refuses_an_import_whole_and_goes_on_when_there_is_some(
    rally: Rally, database: Engine, server: str, small: Path
) -> None:
    url = database.url.render_as_string(hide_password=False)
    here = rally.on(url)
    prepare_import(here, database)
    days = [f"{month:02}/{day:02}/2025" for month in range(1, 13) for day in range(1, 29)]
    many = [fixture(*TEAMS, day, location=f"The courts of {day}") for day in days]
    write_feed(rally.folder / "new", "schedules", [fixture(*TEAMS), *many])
    before = look_at_feeds(database)
    database.dispose()
    administer(server, f"create tablespace small location '{small}/space'")
    administer(server, f"alter database {database.url.database} set tablespace small")
    filler = fill(small)

    full = here.run(*IMPORT)

    assert (full.code, "Traceback" in full.out) == (4, False), full.out
    assert "no room left" in full.out
    filler.unlink()
    # a database whose disk was full has written nothing of the feed that it refused
    assert look_at_feeds(database)["schedules"] == before["schedules"]
    again = here.run(*IMPORT)
    assert (again.code, len(rows(database, text("select 1 from schedule")))) == (0, 1 + len(days)), again.out
    assert rows(database, RUNNING) == ((0,),)
    database.dispose()
    administer(server, f"alter database {database.url.database} set tablespace pg_default")
    administer(server, "drop tablespace small")


@pytest.mark.parametrize(
    ("variable", "arguments", "code"),
    [
        ("RALLY_REPORTS", ("check", "--domain", "schedule", "--fail-on", "never"), 5),
        ("RALLY_DATA", ("snapshot", "create"), 4),
    ],
)
def test_a_disk_that_is_full_for_files_is_said_in_a_line(  # noqa: PLR0917 - a table
    rally: Rally, database: Engine, small: Path, variable: str, arguments: tuple[str, ...], code: int
) -> None:
    here = rally.on(database.url.render_as_string(hide_password=False)).having(**{variable: str(small / "files")})
    prepare_dirt(here, database)
    filler = fill(small)

    full = here.run(*arguments)

    assert (full.code, "Traceback" in full.out, "No space left" in full.out) == (code, False, True), full.out
    filler.unlink()
    assert here.run(*arguments).code == 0


@pytest.mark.skipif(POOLER is None, reason="there is no pgbouncer")
@pytest.mark.parametrize(
    ("prepare", "arguments", "code"),
    [
        (prepare_import, IMPORT, 0),
        (prepare_dirt, ("check", "--domain", "schedule", "--fail-on", "never"), 0),
        (prepare_dirt, ("fix", "plan", "duplicate_match"), 0),
        (prepare_dirt, ("fix", "apply", "1", "--yes"), 0),
        (prepare_repaired, ("fix", "undo", "1", "--yes"), 0),
        (prepare_snapshot, ("snapshot", "restore", "latest", "--discard-newer", "--yes"), 0),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_a_pooler_in_transaction_mode_changes_nothing(
    rally: Rally, database: Engine, prepare: Callable[[Rally, Engine], None], arguments: tuple[str, ...], code: int
) -> None:
    prepare(rally.on(database.url.render_as_string(hide_password=False)), database)

    with pooler(database.url, size=12) as url:
        ended = rally.on(url.render_as_string(hide_password=False)).run(*arguments)

    assert (ended.code, "Traceback" in ended.out) == (code, False), ended.out
    assert rows(database, RUNNING) == ((0,),)


def test_a_server_that_is_killed_in_the_middle_of_an_import_is_said_and_the_next_run_is_right(
    rally: Rally, tmp_path: Path
) -> None:
    home = tmp_path / "server"
    hurried = rally.having(RALLY_DEADLINE="15", RALLY_LOCK_TIMEOUT="2", RALLY_WRITE_TIMEOUT="5")
    with running(home) as url:
        engine = open_engine(url)
        upgrade(engine)
        prepare_import(hurried.on(url), engine)
        before = look_at_feeds(engine)
        with killing_proxy(engine) as proxy:
            pid = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
            proxy.victim = lambda: os.kill(pid, signal.SIGKILL)
            proxy.kill_at(150, before=False)
            engine.dispose()

            ended = hurried.on(proxy.url).start(*IMPORT).end(20)

        assert (ended.code, "Traceback" in ended.out) == (4, False), ended.out
        assert "connection lost" in ended.out or "cannot be reached" in ended.out
    with running(home) as url, closing(open_engine(url).connect()) as connection:
        engine = connection.engine
        seen = look_at_feeds(engine)
        assert seen["schedules"] == before["schedules"]
        assert hurried.on(url).run(*IMPORT).code == 0
        assert len(look_at_feeds(engine)["schedules"][0]) == 4
        assert rows(engine, RUNNING) == ((0,),)
    engine.dispose()


class Absent(KillingProxy):
    """Has a server brought back only when clients were turned away a number of times."""

    turned_away = 0
    come_back: Callable[[], object] = staticmethod(lambda: None)

    def _connect(self) -> socket.socket:
        try:
            return super()._connect()
        except OSError:
            self.turned_away += 1
            if self.turned_away == 3:
                self.come_back()
            raise


def test_a_server_that_is_away_in_the_middle_of_an_import_and_comes_back_costs_a_retry(
    rally: Rally, tmp_path: Path
) -> None:
    home = tmp_path / "server"
    with ExitStack() as stack:
        engine = open_engine(stack.enter_context(running(home)))
        upgrade(engine)
        prepare_import(rally.on(url_of(engine)), engine)
        with Absent(url_of(engine)) as proxy:
            pid = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
            proxy.victim = lambda: os.kill(pid, signal.SIGINT)
            proxy.come_back = lambda: stack.enter_context(running(home))
            proxy.kill_at(150, before=False)
            engine.dispose()

            ended = rally.on(proxy.url).run(*IMPORT)

        assert proxy.turned_away >= 3
        assert (ended.code, "Traceback" in ended.out) == (0, False), ended.out
        assert re.search(r"try \d failed, again in \d+ s: ", ended.out)
        assert len(look_at_feeds(engine)["schedules"][0]) == 4
        assert rows(engine, RUNNING) == ((0,),)
        engine.dispose()


HOST, GUEST = "10.213.77.1", "10.213.77.2"
CLIENT = """
import sys
from etl.connections import TimeLimits
from etl.database import open_engine
from sqlalchemy import text

engine = open_engine(sys.argv[1], application="rally-health " + sys.argv[2], limits=TimeLimits())
connection = engine.connect()
connection.execute(text("select 1"))
if sys.argv[2] == "idle":
    connection.commit()
elif sys.argv[2] == "in a transaction":
    connection.execute(text("lock table schedule in access exclusive mode"))
print("ready", flush=True)
connection.execute(text("select pg_sleep(600)")) if sys.argv[2] == "in a statement" else sys.stdin.read()
"""
SESSIONS = text("select count(*) from pg_stat_activity where application_name like 'rally-health %'")
STATES = ("idle", "in a transaction", "in a statement")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def guest() -> Iterator[str]:
    """A host of its own behind a cable: the name of its network namespace."""
    name = f"rally{os.getpid()}"
    with ExitStack() as stack:
        try:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)
            ip("link", "add", "rally-host", "type", "veth", "peer", "name", "rally-guest", "netns", name)
            for where, address, device in (((), HOST, "rally-host"), (("-n", name), GUEST, "rally-guest")):
                ip(*where, "addr", "add", f"{address}/30", "dev", device)
                ip(*where, "link", "set", device, "up")
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no right to make a network here")
        yield name


@pytest.mark.long
def test_the_sessions_of_a_host_that_is_gone_end_within_half_a_minute(guest: str, tmp_path: Path) -> None:
    """Its cable is pulled: no FIN, no RST. One that held a lock did so for hours."""
    with running(tmp_path / "server", listen_addresses=HOST) as url, ExitStack() as stack:
        engine = open_engine(url, application="the test", isolation_level="AUTOCOMMIT")
        upgrade(engine)
        connection = stack.enter_context(engine.connect())
        with Path(connection.scalar(text("show hba_file")) or "").open("a") as access:
            access.write(f"host all all {GUEST}/32 trust\n")
        connection.execute(text("select pg_reload_conf()"))
        for state in STATES:
            command = ["ip", "netns", "exec", guest, sys.executable, "-c", CLIENT, f"postgresql://rally@{HOST}/rally"]
            client = stack.enter_context(
                subprocess.Popen([*command, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(client.kill)
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
        assert connection.scalar(SESSIONS) == len(STATES)

        ip("-n", guest, "link", "set", "rally-guest", "down")

        for _ in range(40):
            connection.execute(text("select pg_sleep(1)"))
            if not connection.scalar(SESSIONS):
                break
        assert connection.scalar(SESSIONS) == 0
        connection.execute(text("select count(*) from schedule"))
    engine.dispose()
