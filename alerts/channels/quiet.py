"""Keeps numbers and tokens out of logs: client libraries log URLs, in which both stand."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry", "apprise", "twilio.http_client", "requests_oauthlib")

_sending: ContextVar[bool] = ContextVar("sending", default=False)


def _outside(record: logging.LogRecord) -> bool:
    return not _sending.get()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the client libraries in this thread; others that use them go on logging."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_outside)  # the same filter is added only once
    token = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(token)
