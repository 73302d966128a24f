"""The pages behind HTTP: who may see them, what a browser may do with them, and what happens when the database is away.

Nothing is changed by a request: there is no form that writes, no cookie, and each page is read in one read-only
transaction by the role that may only read, where the database has it. On loopback everybody of the machine may look,
and no other name than the machine's is answered to; elsewhere a token is asked for, or a header that a proxy sets.
"""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, func, select, text
from starlette import applications, datastructures, requests, responses, routing, types

from checks.engine.collecting.rules import Rules
from checks.render.formats import PageLinks
from etl.adoption.rights import READER
from etl.database import DATABASE_ERRORS, describe_error
from flows.service.schedules import Upcoming
from flows.settings import Settings, SettingsError
from flows.web.render import ASSETS, Look, page_of
from flows.web.view import NotThere, PageRequest, View

log = logging.getLogger("flows.web")
SHORTEST_TOKEN = 16
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
HEADERS = {
    # scripts and styles are files of ours; pictures inside a page have style attributes
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr"
    " 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin", "x-frame-options": "DENY",
}  # fmt: skip
ALIVE = "/alive"
"""Answers to everybody, and says no more than that the process lives."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may look: everybody on loopback, who knows the token, or whom a proxy names in a header that it sets."""

    token: str = field(default="", repr=False)
    header: str = ""
    names: frozenset[str] = LOCAL_NAMES

    @classmethod
    def of(cls, settings: Settings, host: str) -> Access:
        """What the settings allow at an address; raises SettingsError where anybody could look."""
        token = settings.serve_token.get_secret_value() if settings.serve_token else ""
        if token and len(token) < SHORTEST_TOKEN:
            raise SettingsError(f"RALLY_SERVE_TOKEN is too short; expected {SHORTEST_TOKEN} characters or more")
        if not is_loopback(host) and not token and not settings.serve_proxy_header:
            raise SettingsError(
                f"{host} can be reached by others, who would see everything; set RALLY_SERVE_TOKEN, or"
                " RALLY_SERVE_PROXY_HEADER where a proxy signs people in, or serve on 127.0.0.1"
            )
        public = urlsplit(settings.serve_url).hostname
        return cls(token, settings.serve_proxy_header, LOCAL_NAMES | ({public} if public else set()))

    def refusal(self, headers: datastructures.Headers) -> responses.Response | None:
        """The answer to who may not look; None for who may."""
        if self.token and self._knows_token(headers.get("authorization", "")):
            return None
        if self.header and headers.get(self.header):
            return None
        if self.token:
            asking = {"www-authenticate": 'Basic realm="Rally Data Health", charset="UTF-8"'}
            return _plain("A token is needed: as the password, or as a bearer token.", 401, asking)
        if self.header:
            return _plain(f"Only a proxy that sets {self.header} may ask.", 403)
        # a page elsewhere that has its own name resolve to this machine would read along
        name = headers.get("host", "").rsplit(":", 1)[0] if "]" not in headers.get("host", "") else "[::1]"
        if name.lower() not in self.names:
            return _plain("This name is not answered to; set RALLY_SERVE_URL to the address in use.", 421)
        return None

    def _knows_token(self, authorization: str) -> bool:
        """Whether a header carries the token, as a bearer or as the password of any name."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        elif scheme.lower() != "bearer":
            return False
        return secrets.compare_digest(given.strip().encode(), self.token.encode())


def _plain(line: str, status: int, headers: Mapping[str, str] | None = None) -> responses.Response:
    return responses.PlainTextResponse(f"{line}\n", status, headers)


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Doorway:
    """Refuses who may not look and what is no look, and sets the headers of every answer."""

    def __init__(self, app: types.ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: types.Message) -> None:
            if message["type"] == "http.response.start":
                datastructures.MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await (self._refusal(scope) or self.app)(scope, receive, guarded)

    def _refusal(self, scope: types.Scope) -> responses.Response | None:
        if scope["method"] not in {"GET", "HEAD"}:
            return _plain("Nothing is changed here.", 405, {"allow": "GET, HEAD"})
        return None if scope["path"] == ALIVE else self.access.refusal(datastructures.Headers(scope=scope))


@dataclass(frozen=True, slots=True)
class Served:
    """What the pages of one process share."""

    engine: Engine
    rules: Rules
    settings: Settings
    look: Look
    upcoming: Upcoming
    role: str | None
    clock: Callable[[], datetime]

    def warm(self) -> None:
        """Build the first page once, so that who opens it first does not wait for what it imports."""
        with suppress(*DATABASE_ERRORS):
            self._built("", "", {})

    def page(self, request: requests.Request) -> responses.Response:
        """The page at an address; 404 for what is not there, 503 while the database is away."""
        kind, _, key = request.path_params["path"].partition("/")
        try:
            view = self._built(kind, key, request.query_params)
        except NotThere as error:
            return self._answer(View(title="Not there", lead=str(error), blocks=()), "", 404)
        except DATABASE_ERRORS as error:
            log.warning("a page could not be read: %s", describe_error(error))
            lead = f"The database did not answer: {describe_error(error)}. Next: rally-health doctor"
            return self._answer(View(title="The database is away", lead=lead, blocks=()), "", 503)
        except Exception as error:  # noqa: BLE001 - one page that fails is no end of the others; its text may hold data
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.error("a page failed: %s at %s:%s", type(error).__name__, where.filename, where.lineno)
            return self._answer(View(title="This page failed", lead="The log says where.", blocks=()), "", 500)
        return self._answer(view, kind, 200, request.query_params)

    def _built(self, kind: str, key: str, query: Mapping[str, str]) -> View:
        page = page_of(kind, key)
        if page is None or "\0" in key:
            raise NotThere("there is no such page; the overview leads to those that there are")
        with read_only(self.engine, self.role, self.settings.timezone) as connection:
            return page.build(self._asked(connection, key, query))

    def _asked(self, connection: Connection, key: str, query: Mapping[str, str]) -> PageRequest:
        now = self._now()
        upcoming = partial(self.upcoming.runs, now)
        return PageRequest(connection, self.rules, self.settings, now, upcoming, key, dict(query))

    def _answer(self, view: View, kind: str, status: int, query: Mapping[str, str] | None = None) -> responses.Response:
        text = self.look.render(view, kind, self._now(), query or {})
        return responses.HTMLResponse(text, status, {"cache-control": "no-store"})

    def _now(self) -> datetime:
        return self.clock().astimezone(self.settings.zone)


def _asset(request: requests.Request) -> responses.Response:
    made = ASSETS.get(request.path_params["name"])
    if made is None:
        return _plain("There is no such file.", 404)
    content, media = made
    return responses.Response(content(), media_type=media, headers={"cache-control": "max-age=300"})


def clock_now() -> datetime:
    """What the pages are about: the present."""
    return datetime.now(UTC)


def web_app(
    engine: Engine, rules: Rules, settings: Settings, access: Access, *, api: str | None = None,
    clock: Callable[[], datetime] = clock_now,
) -> types.ASGIApp:  # fmt: skip
    """The pages as an ASGI application; `api` is where Prefect may answer."""
    prefix = urlsplit(settings.serve_url).path.rstrip("/")
    look = Look(PageLinks(prefix), about(engine, settings))
    served = Served(engine, rules, settings, look, Upcoming(api), reader_of(engine), clock)
    routes = [
        routing.Route(ALIVE, lambda request: _plain("alive", 200)),
        routing.Route("/assets/{name}", _asset),
        routing.Route("/{path:path}", served.page),
    ]
    served.warm()
    return Doorway(applications.Starlette(routes=routes), access)


def about(engine: Engine, settings: Settings) -> str:
    """Which database the pages are about, without the account and the password."""
    if settings.database_url is None:
        return f"embedded database in {settings.data}"
    return f"database {engine.url.database} on {engine.url.host or 'this machine'}"


def reader_of(engine: Engine) -> str | None:
    """The role that may only read, where it is there, ours to take on, and sees every table of `quality`."""
    usable = text(
        "select bool_and(has_table_privilege(r.oid, c.oid, 'select')) and bool_and(pg_has_role(r.oid, 'member'))"
        " from pg_roles r, pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where r.rolname = :role and n.nspname = 'quality' and c.relkind in ('r', 'p')"
    )
    with engine.connect() as connection:
        return READER if connection.scalar(usable, {"role": READER}) else None


@contextmanager
def read_only(engine: Engine, role: str | None, timezone: str = "UTC") -> Iterator[Connection]:
    """A connection that sees one moment and cannot write; its moments come in a time zone."""
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            connection.execute(select(func.set_config("TimeZone", timezone, True)))
            if role is not None:
                connection.exec_driver_sql(f'set local role "{role}"')
            yield connection
