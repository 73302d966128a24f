"""A TCP proxy that stands before a Prefect API and takes it away in the ways in which it goes in real life."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from enum import Enum

from tests.relay import Relay, cut

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Fault(Enum):
    """How the API answers."""

    NONE = "none"
    REFUSED = "refused"
    UNAVAILABLE = "503"
    HANGING = "hanging"


class Proxy(Relay):
    """Passes connections on to a port of this machine, until `fail` says otherwise; then open ones are cut as well."""

    def __init__(self, target: int, fault: Fault = Fault.NONE) -> None:
        self.target = target
        self.fault = fault
        super().__init__()

    def fail(self, fault: Fault) -> None:
        """Fail from now on in this way."""
        self.fault = fault
        if fault is Fault.REFUSED:
            self.close()
        elif fault is not Fault.HANGING:
            self.cut_open()

    def serve(self, client: socket.socket) -> None:
        self._open.add(client)
        if self.fault is Fault.UNAVAILABLE:
            with suppress(OSError):
                client.recv(65536)
                client.sendall(UNAVAILABLE)
            cut(client)
        elif self.fault is Fault.NONE:
            server = socket.create_connection(("127.0.0.1", self.target))
            self._open.add(server)
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
            self._pump(client, server)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.fault is Fault.HANGING:
                    return
                sink.sendall(data)
        if self.fault is not Fault.HANGING:
            cut(source)
            cut(sink)
