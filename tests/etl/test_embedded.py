"""The embedded PostgreSQL, started for real in folders of the test's own."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import threading
from pathlib import Path

import psutil
import psycopg
import pytest

from etl import embedded
from etl.embedded import EmbeddedError, Host, HostingError, host_for, running


def ask(url: str, statement: str) -> object:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def server_pid(home: Path) -> int:
    return int((host_for(home.absolute()).data / "postmaster.pid").read_text().split("\n")[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that was started once: initdb takes ten times what a start takes."""
    home = tmp_path_factory.mktemp("made")
    with running(home):
        pass
    return host_for(home).data


@pytest.fixture
def home(tmp_path: Path, made: Path) -> Path:
    """The folder of a server that was started before."""
    return started_before(tmp_path, made)


def started_before(home: Path, made: Path) -> Path:
    subprocess.run(["cp", "-a", made, host_for(home).data], check=True)
    return home


def test_it_answers_and_is_stopped_by_its_last_user(home: Path) -> None:
    with running(home) as url:
        assert ask(url, "select 1") == 1
        pid = server_pid(home)

    assert not psutil.pid_exists(pid)


def test_what_was_written_is_there_at_the_next_start(home: Path) -> None:
    with running(home) as url, psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("create table kept as select 42 as answer")

    with running(home) as url:
        assert ask(url, "select answer from kept") == 42


def test_a_second_user_shares_the_server_and_the_first_leaves_it_running(home: Path) -> None:
    with running(home) as second:
        with running(home) as first:
            assert first == second

        assert ask(second, "select 1") == 1


def test_users_who_come_at_once_get_one_server(tmp_path: Path) -> None:
    pids: list[object] = []
    together = threading.Barrier(4)

    def use() -> None:
        with running(tmp_path) as url:
            together.wait(timeout=60)
            pids.append(ask(url, "select pg_postmaster_start_time()"))
            together.wait(timeout=60)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(pids) == 4
    assert len(set(pids)) == 1


def test_its_folders_are_made_by_one_user_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(home: Path) -> Host:
        with (home / "start.lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return host_for(home)

    monkeypatch.setattr(embedded, "host_for", alone)

    with running(tmp_path) as url:
        assert ask(url, "select 1") == 1


def test_it_recovers_after_its_server_was_killed(home: Path) -> None:
    with running(home) as url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("create table kept as select 42 as answer")
        os.kill(server_pid(home), signal.SIGQUIT)

    with running(home) as url:
        assert ask(url, "select answer from kept") == 42


def test_a_pid_that_belongs_to_another_process_is_no_server(home: Path) -> None:
    """Containers start again with the same pids: the file's pid was this very process, and a dead URL was returned."""
    with running(home):
        pass
    (host_for(home).data / "postmaster.pid").write_text(f"{os.getpid()}\n/data\n")

    with running(home) as url:
        assert ask(url, "select 1") == 1


def test_a_long_path_with_a_space_has_a_short_private_socket(tmp_path: Path, made: Path) -> None:
    path = tmp_path / ("long " * 20) / ("path" * 20)
    path.mkdir(parents=True)
    home = started_before(path, made)

    with running(home) as url:
        folder = Path(url.split("host=")[1])

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert ask(url, "show listen_addresses") == ""


@pytest.mark.parametrize("left", [True, False])
def test_who_stops_the_server_removes_its_socket_folder_unless_somebody_uses_it(home: Path, left: bool) -> None:
    with running(home):
        folder = host_for(home).socket
        if left:
            (folder / "note").touch()

    assert folder.exists() is left
    if left:
        shutil.rmtree(folder)
    with running(home) as url:
        assert ask(url, "select 1") == 1


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = host_for(tmp_path).socket
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(HostingError, match="is not a folder of mode 0700"), running(tmp_path):
        pass

    folder.rmdir()


def test_a_server_that_ends_at_start_shows_the_end_of_its_log(home: Path) -> None:
    with (
        pytest.raises(EmbeddedError, match=r"ended at start(.|\n)*no_such_setting"),
        running(home, no_such_setting="1"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
def test_data_that_is_kept_elsewhere_says_whose_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    host = host_for(tmp_path)

    assert (host.base != tmp_path, (host.base / "home").read_text()) == (True, f"{tmp_path}\n")
    shutil.rmtree(host.base)
