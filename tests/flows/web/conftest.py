"""The planted season behind the operator's page, served over HTTP at the moment at which it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine

from checks.engine.collecting.collect import collect
from checks.runbooks import with_runbooks
from checks.scopes import SOURCES
from flows.settings import Settings, read_settings
from flows.web.app import Access, web_app
from tests.checks.review.seasons import NOW
from tests.conftest import copy_of

ASKING = httpx.Client(timeout=60, verify=False, limits=httpx.Limits(max_keepalive_connections=0))  # noqa: S501
"""One client for every page: to read certificates for a new one takes longer than a page, and no one speaks TLS."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where pages are served, and what over."""

    url: str
    engine: Engine
    settings: Settings

    def get(self, path: str = "/", **more: Any) -> httpx.Response:
        """The answer at an address."""
        return ASKING.get(f"{self.url}{path}", **more)


Serve = Callable[..., Any]


@contextmanager
def serving(engine: Engine, now: datetime = NOW, host: str = "127.0.0.1", **changes: object) -> Iterator[Place]:
    """Serve a database for the block, as the settings with some changes allow it."""
    url = engine.url.render_as_string(hide_password=False)
    settings = read_settings(database_url=url, **changes)
    app = web_app(engine, with_runbooks(collect(SOURCES)), settings, Access.of(settings, host), clock=lambda: now)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    started = threading.Event()
    startup = server.startup

    async def tell_started(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = tell_started  # type: ignore[method-assign]
    thread.start()
    assert started.wait(60)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Place(f"http://127.0.0.1:{port}", engine, settings)
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def planted(server: str, planted_once: str) -> Iterator[Engine]:
    """A database with the season of sixty nights."""
    yield from copy_of(server, planted_once)


@pytest.fixture(scope="session")
def place(planted: Engine) -> Iterator[Place]:
    """The season, served on loopback."""
    with serving(planted) as place:
        yield place
