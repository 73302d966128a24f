"""The progress of a long import as an artifact that updates itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

from etl.feeds import Feed
from flows.staging import tell

Told = Callable[[Feed, int], None]
EVERY_SECONDS = 5.0


@contextmanager
def shown_in_prefect(also: Told) -> Iterator[Told]:
    """Who to tell of bytes read: the caller's own listener and, inside a flow run, an artifact for each long feed."""
    if FlowRunContext.get() is None:
        yield also
        return
    shown = _Shown(also)
    yield shown.read
    shown.end()


@dataclass(slots=True)
class _Shown:
    also: Told
    seen: dict[Feed, int] = field(default_factory=dict)
    bars: dict[Feed, UUID] = field(default_factory=dict)
    told: float = field(default_factory=time.monotonic)

    def read(self, feed: Feed, count: int) -> None:
        self.also(feed, count)
        self.seen[feed] = self.seen.get(feed, 0) + count
        if time.monotonic() - self.told > EVERY_SECONDS:
            tell(lambda: self._show(feed, min(99.0, 100 * self.seen[feed] / max(feed.path.stat().st_size, 1))))
            self.told = time.monotonic()

    def end(self) -> None:
        """A bar that was begun ends full."""
        for feed in self.bars:
            tell(lambda feed=feed: self._show(feed, 100.0))  # type: ignore[misc]

    def _show(self, feed: Feed, percent: float) -> None:
        if feed in self.bars:
            update_progress_artifact(self.bars[feed], percent)
        else:
            key = f"rally-progress-{feed.kind.value.replace('_', '-')}"
            what = f"{feed.kind.value} of {feed.league}, bytes read"
            self.bars[feed] = create_progress_artifact(percent, key=key, description=what)  # type: ignore[assignment]
