"""A TCP proxy before a PostgreSQL that goes silent, cuts, or counts, at a message that a test names.

PostgreSQL's statements are seen on the wire as text, so "at the second COMMIT" is a place where a test can fail things.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum

from sqlalchemy import URL, make_url

from tests.relay import Relay, cut

Connect = Callable[[], socket.socket]


class Fault(Enum):
    """What happens at the chosen message: nothing is passed on any more, or the connection is cut."""

    SILENT = "silent"
    CUT = "cut"


class DatabaseProxy(Relay):
    """Passes connections on to a server; `fail_at` chooses where it stops doing so.

    `before` a message is passed on, or after it (the server has got it, its answer is swallowed). `count` tells how
    often the text was seen.
    """

    def __init__(self, url: str) -> None:
        self.target = make_url(url)
        self.count = 0
        self.failed = False
        self._text = b""
        self._number = 0
        self._fault = Fault.SILENT
        self._before = True
        self._for_good = True
        self._lock = threading.Lock()
        super().__init__()

    @property
    def url(self) -> str:
        """Where clients reach the database through this proxy."""
        through: URL = self.target.set(
            host="127.0.0.1", port=self.port, query={"sslmode": "disable", "gssencmode": "disable"}
        )
        return through.render_as_string(hide_password=False)

    def fail_at(self, text: str, number: int, fault: Fault, *, before: bool = True, for_good: bool = True) -> None:
        """Fail at the `number`-th message (from 1 on) that holds this text; `for_good` new connections fail too."""
        with self._lock:
            self.count, self.failed = 0, False
            self._text, self._number = text.encode(), number
            self._fault, self._before, self._for_good = fault, before, for_good

    def serve(self, client: socket.socket) -> None:
        self._open.add(client)
        if self.failed and self._for_good:
            if self._fault is Fault.CUT:
                cut(client)
            return
        try:
            server = self._connect()
        except OSError:  # no server there
            cut(client)
            return
        self._open.add(server)
        dead = threading.Event()
        threading.Thread(target=self._pump, args=(server, client, dead), daemon=True).start()
        self._pump(client, server, dead, watched=True)

    def _connect(self) -> socket.socket:
        folder = self.target.query.get("host")
        if folder:
            local = socket.socket(socket.AF_UNIX)
            local.connect(f"{folder}/.s.PGSQL.{self.target.port or 5432}")
            return local
        return socket.create_connection((self.target.host or "127.0.0.1", self.target.port or 5432))

    def _pump(
        self, source: socket.socket, sink: socket.socket, dead: threading.Event, *, watched: bool = False
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                hit = watched and self._hit(data)
                if hit and not self._before:
                    # the server does it, and its answer gets lost
                    dead.set()
                    sink.sendall(data)
                if hit and self._fault is Fault.CUT:
                    break
                if hit or dead.is_set() or (self.failed and self._for_good):
                    dead.set()
                    if self._fault is Fault.CUT:
                        break
                    continue
                sink.sendall(data)
        if not (dead.is_set() and self._fault is Fault.SILENT):
            cut(source)
            cut(sink)

    def _hit(self, data: bytes) -> bool:
        with self._lock:
            if not self._text or self.failed:
                return False
            self.count += data.count(self._text)
            self.failed = 0 < self._number <= self.count
            return self.failed
