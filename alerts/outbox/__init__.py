"""The outbox: a message is a row before it is an attempt."""

from __future__ import annotations

__all__ = ["Line", "Preview", "State", "enqueue", "enqueue_report", "enqueue_test", "outbox", "preview", "resend"]
