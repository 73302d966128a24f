"""The platform's database for tests: a copy of its own for each, in both shapes, on two servers.

`platform` is an engine of a role that owns the tables and is no superuser. A test that asks for it runs in one shape on
one server, by `make slow` in the other shape on the other server, and by `make long` in the other two pairs; one that
needs a single place says so:
`@pytest.mark.parametrize("platform", [AUGUST], indirect=True)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from sqlalchemy import Engine, make_url

from etl.database import open_engine
from tests.platform.build import OWNER, PLATFORM, Shape, build
from tests.platform.servers import BINARIES, administer, debian_server, drop


@dataclass(frozen=True, slots=True)
class Place:
    """One shape of the platform's database on one server."""

    shape: Shape
    server: Literal["embedded", "postgresql15"]

    def __str__(self) -> str:
        return f"{self.shape}-{self.server}"


AUGUST = Place(Shape.AUGUST, "embedded")
NOVEMBER = Place(Shape.NOVEMBER, "embedded")
DEBIAN = Place(Shape.NOVEMBER, "postgresql15")
OTHER_PAIRS = (NOVEMBER, Place(Shape.AUGUST, "postgresql15"))
PLACES = (
    AUGUST,
    pytest.param(DEBIAN, marks=pytest.mark.slow),
    *(pytest.param(other, marks=(pytest.mark.slow, pytest.mark.long)) for other in OTHER_PAIRS),
)

Template = Callable[[Place], str]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql15() -> Iterator[str]:
    """URL of a server of Debian's PostgreSQL 15."""
    if not BINARIES.is_dir():
        pytest.skip(f"there is no PostgreSQL 15 at {BINARIES}")
    with debian_server() as url:
        yield url


@pytest.fixture(scope="session")
def platform_template(request: pytest.FixtureRequest) -> Template:
    """URL of the filled database of a place, built once in a session; never connected to, for copies are made of it."""
    built: dict[Place, str] = {}

    def template(place: Place) -> str:
        if place not in built:
            server = request.getfixturevalue("server" if place.server == "embedded" else "postgresql15")
            built[place] = build_template(server, place.shape)
        return built[place]

    return template


@pytest.fixture(params=PLACES, ids=str)
def platform(request: pytest.FixtureRequest, platform_template: Template) -> Iterator[Engine]:
    """An engine of the tables' owner on a copy of the platform's database that is the test's own."""
    if not PLATFORM.is_dir():
        pytest.skip(f"the platform's database is not at {PLATFORM}")
    yield from copy_as_owner(platform_template(request.param))


def copy_as_owner(template: str) -> Iterator[Engine]:
    """An engine of the owner on a copy of a template, which is gone after use."""
    source = make_url(template)
    name = f"platform_{next(_numbers)}"
    administer(template, f"create database {name} template {source.database} strategy file_copy owner {OWNER}")
    engine = open_engine(source.set(database=name, username=OWNER).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    drop(template, name)


def build_template(server: str, shape: Shape) -> str:
    """Build the database of a shape; what an attempt that failed has left behind goes first."""
    name = f"template_{shape}"
    url = make_url(server).set(database=name)
    exists = f"select 1 from pg_roles where rolname = '{OWNER}'"
    administer(server, f"do $$ begin if not exists ({exists}) then create role {OWNER} login; end if; end $$")
    administer(server, f"drop database if exists {name} with (force)")
    administer(server, f"create database {name} template template0 owner {OWNER}")
    build(url.set(drivername="postgresql").render_as_string(hide_password=False), shape)
    return url.render_as_string(hide_password=False)
