"""`prefect`, whose server on SQLite has every transaction wait for its turn from the beginning.

Prefect begins most of them as readers. One that has read and then writes is refused by SQLite when another one has
written in between, whatever the time-out is: "database is locked". The answer is 503 then, after which a client waits
for some seconds, and Prefect's UI gives up.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.cli import app
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

_begin = AioSqliteConfiguration.begin_transaction


@asynccontextmanager
async def _begin_as_writer(
    self: AioSqliteConfiguration, session: AsyncSession, with_for_update: bool = False
) -> AsyncGenerator[AsyncSessionTransaction, None]:
    async with _begin(self, session, with_for_update=True) as transaction:
        yield transaction


def main() -> None:
    """`prefect`; what a server imports lives to its end, and is not looked through for garbage."""
    AioSqliteConfiguration.begin_transaction = _begin_as_writer  # type: ignore[method-assign]
    gc.disable()
    importlib.import_module("prefect.server.api.server")
    gc.freeze()
    gc.enable()
    sys.argv[0] = "prefect"
    app()
