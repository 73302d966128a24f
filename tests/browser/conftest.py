"""What a browser shows of a page, and what it complains of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass(slots=True)
class Opened:
    """A page that was opened, with all that it complained of and asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """How wide the page is, in pixels; wider than the window means that it scrolls sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def idle(browser: Any) -> list[Any]:
    """Pages that a test has left: a new one is a process of its own, three times what it takes to show a report."""
    return []


@pytest.fixture
def visit(browser: Any, idle: list[Any], tmp_path: Path) -> Iterator[Open]:
    """Open a page, given as text, in a window of some width."""
    used: list[tuple[Any, dict[str, Callable[[Any], None]]]] = []

    def visit(text: str, width: int, scheme: str = "light") -> Opened:
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        page = idle.pop() if idle else browser.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media="null", color_scheme=scheme)
        opened = Opened(page)
        told = {
            "console": lambda message: opened.complaints.append(f"{message.type}: {message.text}"),
            "pageerror": lambda error: opened.complaints.append(str(error)),
            "request": lambda request: opened.requests.append(request.url),
        }
        for event, note in told.items():
            page.on(event, note)
        used.append((page, told))
        page.goto(path.as_uri())
        return opened

    yield visit
    for page, told in used:
        for event, note in told.items():
            page.remove_listener(event, note)
        idle.append(page)
