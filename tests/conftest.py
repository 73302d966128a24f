"""Real parts for every test: an embedded PostgreSQL with a migrated template and copies of it, and a browser."""

from __future__ import annotations

import fcntl
import gc
import itertools
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.pool import NullPool

from etl.database import open_engine
from etl.embedded import ELSEWHERE, OWNED_BY, running
from etl.migrate import upgrade
from tests import compiled
from tests.platform.servers import QUICK, administer, drop, drop_spare, end_sessions, quick_folder, written

pytest_plugins = ["tests.platform.fixtures", "tests.spread"]

FEEDS = Path(__file__).resolve().parents[1] / ".." / "shared" / "feeds"

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # without a graphics card Prefect's picture of a run is drawn by the processor, sixty times a second
    "--disable-webgl",
)  # fmt: skip

# the league's day of most tests is the one that they write
os.environ.setdefault("RALLY_TIMEZONE", "UTC")

# how long an example takes says how busy the machine is, not whether the law holds
settings.register_profile("rally", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# tests/mutants.py asks whether a law is broken, always with the same examples, and not for the smallest one
settings.register_profile(
    "mutants", settings.get_profile("rally"), max_examples=100, derandomize=True, database=None,
    phases=(Phase.explicit, Phase.generate),
)  # fmt: skip
settings.load_profile("rally")

# modules and collected tests live to the end: looking through them for garbage was 5 of 14 s of the collection
gc.set_threshold(100_000)

compiled.share()

_numbers = itertools.count(1)
_unwritten: defaultdict[tuple[str, str], list[str]] = defaultdict(list)


def pytest_collection_finish() -> None:
    """Forks of this process do not copy, and garbage is not looked for in, what lives to the end anyway."""
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What starts forks goes first, and so to one process: their server, three seconds of imports, is started once.

    A process that steals work takes it from the end.
    """
    if config.getvalue("dist") == "worksteal":
        items.sort(key=lambda item: not _forks(item))


def _forks(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and any(
        getattr(value, "__module__", "") == "tests.forks" for value in vars(item.module).values()
    )


def pytest_sessionfinish() -> None:
    """The process ends: pytest looks twice through all that it holds for errors of objects that were forgotten."""
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much of what can be done at any length: little by itself, more by `make long` and `make faults`."""
    parser.addoption("--leagues", type=int, default=12, help="leagues that threads and a Dask cluster measure")
    group = parser.getgroup("faults", "faults made for real")
    group.addoption("--kills", type=int, default=2, help="kills of each command that writes")
    group.addoption("--seconds", type=float, default=8, help="seconds of each seed of the nemesis")
    group.addoption("--seeds", type=int, default=1, help="seeds of the nemesis")
    group.addoption("--first-seed", type=int, default=1, help="the first seed, to play a failing case again")


@pytest.fixture(scope="session", autouse=True)
def nothing_left_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where root runs the tests, embedded servers live outside of pytest's folders: they go with the session.

    Those of a session that was killed go with the folders that pytest removes later: they had filled a disk.
    """
    for told in ELSEWHERE.glob(f"*/{OWNED_BY}"):
        with suppress(FileNotFoundError):  # another process of this session was first
            home = Path(told.read_text().strip())
            if not home.exists() and any(folder.name.startswith("pytest-of-") for folder in home.parents):
                shutil.rmtree(told.parent, ignore_errors=True)
    yield
    for link in tmp_path_factory.getbasetemp().rglob("postgres"):
        if link.is_symlink():
            shutil.rmtree(link.readlink().parent, ignore_errors=True)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of an embedded server of this test session's own; in memory and without fsync, for its data dies with it.

    Many sessions one after the other (tests/mutants.py) bring one server for all.
    """
    if "TEST_SERVER" in os.environ:
        url = os.environ["TEST_SERVER"]
        yield url
        for name in itertools.chain.from_iterable(_unwritten.values()):
            drop(url, name)
        drop_spare(url)
        return
    with quick_folder() as home, running(home, **QUICK) as url:
        yield url


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """Name of a migrated, empty database to copy from."""
    if not _exists(server, "template"):
        building = f"template_{os.getpid()}"
        administer(server, f"create database {building}")
        engine = open_engine(_named(server, building), poolclass=NullPool)
        upgrade(engine)
        engine.dispose()
        # a seventh of the files of a copy are maps of free space, and the first session writes its own of the catalogue
        administer(server, "vacuum (full)", database=building)
        administer(server, "select 1", database=building)
        administer(server, f"alter database {building} rename to template")
    return "template"


@pytest.fixture(scope="session")
def engine(server: str, template: str) -> Iterator[Engine]:
    """A migrated database that the session shares; tests leave it as they found it."""
    yield from copy_of(server, template)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that is rolled back."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.fixture
def database(server: str, template: str) -> Iterator[Engine]:
    """A fresh migrated database of the test's own, for tests that commit."""
    yield from copy_of(server, template)


@pytest.fixture
def empty_database(server: str) -> Iterator[Engine]:
    """A fresh database without any table."""
    yield from copy_of(server, "template1")


@pytest.fixture(scope="session")
def feeds() -> Path:
    """The real feeds that lie beside the checkout; tests that need them are skipped where they are not."""
    if not FEEDS.is_dir():
        pytest.skip(f"the real feeds are not at {FEEDS}")
    return FEEDS


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, ended with the file: Playwright starts no second beside it, and keeps an event loop running.

    Its tests are skipped where Chromium is missing.
    """
    where = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if where is None:
        pytest.skip("there is no Chromium; install the package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=where, args=list(QUIET))
        yield chromium
        chromium.close()


def once(target: Path, make: Callable[[Path], object]) -> Path:
    """A file or a folder that a test run makes a single time: the first process to ask does, and others wait for it."""
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            unfinished = target.with_name(f"{target.name}-{os.getpid()}")
            make(unfinished)
            unfinished.rename(target)
    return target


def copy_of(server: str, template: str) -> Iterator[Engine]:
    """A database of its own, copied from a template, gone after use; one that nobody wrote to is the next one's."""
    unwritten = _unwritten[server, template]
    if unwritten:
        name = unwritten.pop()
        end_sessions(server, name)
    else:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        administer(server, f"create database {name} template {template} strategy file_copy")
    engine, before = open_engine(_named(server, name)), written(server)
    yield engine
    engine.dispose()
    if written(server) == before:
        unwritten.append(name)
    else:
        drop(server, name)


def _named(server: str, database: str) -> str:
    return make_url(server).set(database=database).render_as_string(hide_password=False)


def _exists(server: str, database: str) -> bool:
    engine = open_engine(_named(server, "postgres"), poolclass=NullPool)
    with engine.connect() as connection:
        return bool(connection.scalar(text("select true from pg_database where datname = :name"), {"name": database}))
