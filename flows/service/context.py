"""What a run works with beside its request: settings, listeners, how a step is taken, and the database.

Prefect stores the parameters of a flow in clear, so none of this is a parameter: a caller in this process sets it with
`invoked`, and a deployed flow finds the settings of its worker's environment.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, NullPool, Row, text

from etl import DatabaseUnavailable, OutOfSpace, database, embedded, migrate
from etl.adoption import rights
from etl.connections import TimeLimits
from etl.database import DATABASE_ERRORS, MEANINGS, own_error, retried, shown_url, was_reached, without_secrets
from etl.repairs.constraints import REFERENCES
from flows.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from checks.engine.run import Progress, UnitHook
    from etl.feeds import Feed

R = TypeVar("R")


YOUNG = 200_000


def collect_seldom() -> None:
    """Have Python look for garbage whenever 200,000 objects were made, not 700.

    A run makes hundreds of thousands that live until its end: looking through them took a fifth of its time.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def utc() -> datetime:
    """Now."""
    return datetime.now(UTC)


def today_here(zone: ZoneInfo | None = None) -> date:
    """The day where the leagues play, which is not the host's for some hours of each night; zone: RALLY_TIMEZONE."""
    return datetime.now(zone or read_settings().zone).date()


def moment(today: date | None, zone: ZoneInfo | None = None) -> datetime:
    """The moment that rules compare with: now, or the end of another day."""
    zone = zone or read_settings().zone
    if today is None or today == today_here(zone):
        return datetime.now(UTC)
    return datetime(today.year, today.month, today.day, 23, 59, 59, tzinfo=zone).astimezone(UTC)


class Step(Protocol):
    """How a piece of work of a run is done: plainly, or as a task run that Prefect shows."""

    def __call__(self, name: str, work: Callable[[], R], *, what: str = "") -> R:
        """Do the work, again where it failed for a passing reason."""
        ...


def plain_step(name: str, work: Callable[[], R], *, what: str = "") -> R:
    """Do a piece of work in this process alone."""
    return retried(work)


@dataclass(slots=True)
class FlowOutcome:
    """What a flow's body returned or raised, kept apart from the flow run: it counts also when Prefect is lost."""

    started: bool = False
    done: bool = False
    value: Any = None
    error: Exception | None = None
    lost: str = ""
    """Why Prefect gets no more of this run; empty while it listens."""
    final: tuple[UUID, Any] | None = None
    """The flow run, and the state that it is to end in."""
    sent: int = 0
    """Messages that were sent or tried."""
    undelivered: int = 0
    """Alerts that could not be sent; they wait in the outbox, or are dead letters there."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of a command or a flow: its settings, who listens to it, how its steps are taken, its outcome."""

    settings: Settings
    progress: Callable[[Feed, int], None] = lambda feed, count: None
    """Gets how many more bytes of a feed were read."""
    checked: Callable[[Progress], None] | None = None
    """Gets how many rules are answered."""
    remarks: tuple[str, ...] = ()
    """Stand among the complaints of the run's report."""
    step: Step = plain_step
    unit_hook: UnitHook = lambda unit, work: work()
    """Does the work of a scan or of a rule by itself."""
    note: Callable[[str], None] = lambda line: None
    """Gets a line about each thing that was done."""
    outcome: FlowOutcome = field(default_factory=FlowOutcome)


_invocation: ContextVar[Invocation] = ContextVar("invocation")


@contextmanager
def invoked(invocation: Invocation) -> Iterator[None]:
    """Let flows of the block run as this invocation."""
    token = _invocation.set(invocation)
    try:
        yield
    finally:
        _invocation.reset(token)


def current_invocation() -> Invocation:
    """What the caller set; in a deployment, where nobody calls, the settings of the worker's environment.

    Raises SettingsError for a worker without any database: an empty embedded one would be found healthy night by night.
    """
    return _invocation.get(None) or Invocation(_worker_settings())


def _worker_settings() -> Settings:
    collect_seldom()
    settings = read_settings()
    if settings.database_url is None and not embedded.exists(settings.data):
        raise SettingsError(
            f"DATABASE_URL is not set where this run works, and there is no embedded database in {settings.data}; set"
            " it in the worker's environment or in the job variables, or make an embedded one there: rally-health init"
        )
    return settings


def without_prefect(invocation: Invocation, why: str) -> Invocation:
    """The same invocation, with the remark that Prefect shows nothing of this run."""
    invocation.outcome.lost = why
    remark = f"{silent_prefect(why)}: its UI knows nothing of this run"
    return replace(invocation, remarks=(*invocation.remarks, remark))


def limits_of(settings: Settings) -> TimeLimits:
    """How long connections may wait."""
    return TimeLimits(settings.lock_timeout, settings.write_timeout, settings.until)


def silent_prefect(why: str) -> str:
    """Why Prefect knows nothing of a run, as people say it: it does not answer, or it answers that it refuses."""
    if why in {"HTTP 401", "HTTP 403"}:
        return f"Prefect refuses this client ({why}); set PREFECT_API_KEY or PREFECT_API_AUTH_STRING"
    return f"Prefect does not answer ({why})"


@contextmanager
def open_engine(
    settings: Settings, *, application: str = "rally-health", migrated: bool = True, shared: bool = False
) -> Iterator[Engine]:
    """An engine for the block; with `shared` that of all such blocks of this process, which compiles statements once.

    The embedded database brings itself up to date. With `migrated`, a database of the user's own that lacks our newest
    tables raises NotMigrated. A database that cannot be reached raises DatabaseUnavailable.
    """
    with ExitStack() as stack:
        url = _url(settings, stack)
        engine = stack.enter_context(_connected(url, application, limits_of(settings), shared=shared))
        if settings.database_url is not None:
            if migrated:
                retried(lambda: migrate.require_newest(engine))
        elif retried(lambda: migrate.current(engine)) != migrate.newest():
            migrate.upgrade(engine)
        yield engine.execution_options(**{REFERENCES: settings.references})


def _url(settings: Settings, stack: ExitStack) -> str:
    """The database of the settings; without one, that of the embedded server, which runs as long as the stack."""
    own = settings.database_url
    return stack.enter_context(embedded.running(settings.data)) if own is None else own.get_secret_value()


@contextmanager
def on_platform(settings: Settings) -> Iterator[Connection]:
    """A transaction for what is about leagues and teams; NotAdoptable where the database is used for rules alone."""
    with open_engine(settings) as engine, engine.begin() as connection:
        migrate.require_platform(connection)
        yield connection


@contextmanager
def _connected(url: str, application: str, limits: TimeLimits, *, shared: bool) -> Iterator[Engine]:
    # shared by threads that wait for no connection of each other
    room: dict[str, Any] = {"max_overflow": -1} if shared else {}
    with database.engine_for(url, application=application, limits=limits, shared=shared, **room) as engine:
        try:
            retried(lambda: engine.connect().close(), worth=was_reached)
        except DATABASE_ERRORS as error:
            raise _unreachable(error, engine.url) from None
        yield engine


NO_ROOM, DISK_FULL = "No space left on device", "53100"


def _unreachable(error: Exception, url: URL) -> Exception:
    meant = own_error(error)
    if not isinstance(meant, DatabaseUnavailable):
        return meant or error
    why = without_secrets(" ".join(str(getattr(error, "orig", error)).split()), url)
    if NO_ROOM in why:  # a refused connection has no SQLSTATE
        return OutOfSpace(MEANINGS[DISK_FULL][1].format(why))
    return DatabaseUnavailable(f"the database at {shown_url(url)} cannot be reached: {why}")


ADVICE = "let rally_reader log in, or set RALLY_READER_URL: docs/OPERATIONS.md"
SAME_SERVER = text("select oid, pg_postmaster_start_time() from pg_database where datname = current_database()")


@dataclass(frozen=True, slots=True)
class RuleAccount:
    """How rules reach the database: through `reader` where there is one, and what a person should know of it."""

    reader: Engine | None = None
    warning: str = ""


@contextmanager
def rule_account(settings: Settings, engine: Engine) -> Iterator[RuleAccount]:
    """The account that rules are measured through, for the block.

    It is that of RALLY_READER_URL. Without one, it is the account of the database itself; where that could do more than
    SQL and `rally_reader` can log in, it is `rally_reader`. Raises SettingsError where only an account is left that
    could do more and the settings are strict, or where RALLY_READER_URL leads elsewhere.
    """
    powers, place, url, limits = retried(lambda: _own_account(settings, engine))
    if url is None:
        yield RuleAccount(None, _warned(settings, "DATABASE_URL", powers))
        return
    what = "rally-health rules"
    with database.engine_for(url, application=what, limits=limits, shared=True, poolclass=NullPool) as reader:
        yield _account_of(settings, reader, place, powers)


def _account_of(settings: Settings, reader: Engine, place: Row[Any], powers: Sequence[str]) -> RuleAccount:
    try:
        with reader.begin() as connection:
            if connection.execute(SAME_SERVER).one() != place:
                raise SettingsError("RALLY_READER_URL leads to another database than DATABASE_URL; name the same one")
            beyond = rights.powers_beyond_sql(connection)
    except DATABASE_ERRORS as error:
        if settings.reader_url is not None:
            raise _unreachable(error, reader.url) from None
        return RuleAccount(None, _warned(settings, "DATABASE_URL", powers))
    return RuleAccount(reader, _warned(settings, "RALLY_READER_URL", beyond))


def _own_account(settings: Settings, engine: Engine) -> tuple[Sequence[str], Row[Any], str | None, TimeLimits | None]:
    """What the account of the database may do besides SQL, where it leads to, through which URL rules are measured."""
    with engine.begin() as connection:
        powers, place = rights.powers_beyond_sql(connection), connection.execute(SAME_SERVER).one()
        url = _reader_url(settings, engine, connection) if powers or settings.reader_url else None
        # the very same: a lock that was not free for a connection of one is remembered by those of the other
        return powers, place, url, getattr(connection.connection.driver_connection, "limits", None)


def _reader_url(settings: Settings, engine: Engine, connection: Connection) -> str | None:
    if settings.reader_url is not None:
        return settings.reader_url.get_secret_value()
    if not rights.may_log_in(connection):
        return None
    # the password, if it needs one, is in libpq's own file: ~/.pgpass
    return engine.url.set(username=rights.READER, password=None).render_as_string(hide_password=False)


def _warned(settings: Settings, variable: str, powers: Sequence[str]) -> str:
    """The warning about an account that could do more than read; empty where it could not."""
    if not powers:
        return ""
    warning = f"the account of {variable} is {', '.join(powers)}: a rule could leave the read-only role; {ADVICE}"
    if settings.strict:
        raise SettingsError(f"{warning} (refused, for the run is strict)")
    return warning
