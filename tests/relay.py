"""What every failing proxy of the tests is made of: a port of this machine, and a thread for each connection."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self


class Relay(ABC):
    """Listens from the start, until it is closed; what becomes of a connection is said by `serve`."""

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def serve(self, client: socket.socket) -> None:
        """What becomes of one connection, in a thread of its own."""

    def close(self) -> None:
        """Listen no more, and cut what is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_open()

    def cut_open(self) -> None:
        """Cut the connections that are noted as open."""
        for each in list(self._open):
            cut(each)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()


def cut(each: socket.socket) -> None:
    """End a connection for both sides."""
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
