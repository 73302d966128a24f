"""The outbox: a message is a row before it is an attempt."""

from __future__ import annotations

from alerts.outbox.enqueue import Preview, enqueue, preview
from alerts.outbox.listing import Line, outbox
from alerts.outbox.plain import enqueue_report, enqueue_test
from alerts.outbox.resend import resend
from alerts.outbox.states import State

__all__ = ["Line", "Preview", "State", "enqueue", "enqueue_report", "enqueue_test", "outbox", "preview", "resend"]
