"""`rally-health serve`, `site` and `mcp`: who asks what stands in the database; none of them changes anything."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console
from rich.progress import Progress

from flows.bridge.entry import api_url
from flows.doors import needing
from flows.service.catalogue import rules_of
from flows.service.context import open_engine
from flows.web.app import Access, web_app
from flows.web.site import write_site

QUIET: dict[str, Any] = {
    "log_level": "warning", "access_log": False, "server_header": False, "proxy_headers": False, "lifespan": "off",
    "timeout_graceful_shutdown": 5,
}  # fmt: skip
STATEMENT_SECONDS = 15.0
"""Seconds that one statement of a page may take."""


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = 8711,
) -> None:
    """Show the page that an operator opens in the morning; read-only.

    Elsewhere than on loopback it is refused without RALLY_SERVE_TOKEN (asked for as a password, or as a bearer token)
    or RALLY_SERVE_PROXY_HEADER. RALLY_SERVE_URL is the address that people use: alerts and reports then link there.
    It runs until it is stopped, and rules and settings are those of its start.

    Examples: `rally-health serve`, `RALLY_SERVE_TOKEN=... rally-health serve --host 0.0.0.0 --port 80`
    """
    access = Access.of(context.obj, host)
    settings = context.obj.model_copy(update={"write_timeout": STATEMENT_SECONDS, "lock_timeout": STATEMENT_SECONDS})
    with open_engine(settings, application="rally-health serve") as engine, _listening(host, port) as listening:
        app = web_app(engine, rules_of(settings), settings, access, api=api_url(settings))
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"Open http://{shown}:{listening.getsockname()[1]}/ - stop it with Ctrl-C.")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app, **QUIET)).run(sockets=[listening])


def mcp(context: typer.Context) -> None:
    """Answer an assistant's questions about history, rules and incidents (MCP); read-only.

    It speaks the Model Context Protocol on standard input and output, needs the extra `mcp`, and runs until its client
    leaves. Answers are keys and counts; rules and settings are those of its start.

    Example, as an entry of a client's configuration: `{"rally": {"command": "rally-health", "args": ["mcp"]}}`
    """
    with needing("mcp"):
        from flows.doors.mcp_server import mcp_server  # noqa: PLC0415 - an extra
    settings = context.obj.model_copy(update={"write_timeout": STATEMENT_SECONDS, "lock_timeout": STATEMENT_SECONDS})
    with open_engine(settings, application="rally-health mcp") as engine:
        served: Future[None] = Future()
        # its reader of standard input cannot be interrupted, and this thread has to hear a signal
        Thread(target=_answering, args=(mcp_server(engine, rules_of(settings)).run, served), daemon=True).start()
        served.result()


def _answering(answer: Callable[[], None], served: Future[None]) -> None:
    try:
        answer()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        served.set_exception(error)
    else:
        served.set_result(None)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens; OSError, which names the address, where that cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), port), family=family, backlog=128)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{host} port {port}") from None


def site(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that was written before.")],
) -> None:
    """Write the pages of `serve` as files, for object storage or GitHub Pages.

    All rules, and the runs, incidents and imports of 90 days. Pages of an earlier site that are no more are removed.

    Example: `rally-health site public`
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("pages", total=None)
        count = write_site(context.obj, folder, lambda done, of: bar.update(task, completed=done, total=of))
    typer.echo(f"Wrote {count:,} pages. Next: open {folder / 'index.html'}")
