"""The same pages as files of one folder, for object storage or GitHub Pages: no server, no request to another place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from flows.service.catalogue import rules_of
from flows.service.context import open_engine
from flows.service.schedules import declared_runs
from flows.settings import Settings, SettingsError
from flows.web.app import about, read_only, reader_of
from flows.web.render import ASSETS, PAGES, FileLinks, Look, file_name
from flows.web.view import Page, PageRequest

MANIFEST = "site.json"
NEEDS_QUESTIONS = frozenset({"search"})
"""Pages that answer what is typed, which files cannot."""


class NotASite(SettingsError):
    """A folder that holds something else than a site that was written earlier."""


def write_site(settings: Settings, folder: Path, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
    """Write every page of 90 days, and remove what an earlier site had and this one has not; returns how many."""
    earlier = _earlier(folder)
    now = datetime.now(settings.zone)
    with _reading(settings) as (engine, connection):
        asked = PageRequest(connection, rules_of(settings), settings, now, partial(declared_runs, now))
        written = {file_name(page.kind, key): (page, key) for page, key in _every_page(asked)}
        look = Look(FileLinks(written=frozenset(written)), about(engine, settings), asked=False)
        (folder / "assets").mkdir(parents=True, exist_ok=True)
        for number, (name, (page, key)) in enumerate(written.items(), start=1):
            text = look.render(page.build(replace(asked, key=key)), page.kind, now, {})
            (folder / name).write_text(text, encoding="utf-8")
            progress(number, len(written))
    _finish(folder, set(written), now)
    for gone in earlier - set(written):
        (folder / gone).unlink(missing_ok=True)
    return len(written)


@contextmanager
def _reading(settings: Settings) -> Iterator[tuple[Engine, Connection]]:
    with (
        open_engine(settings, application="rally-health site") as engine,
        read_only(engine, reader_of(engine), settings.timezone) as connection,
    ):
        yield engine, connection


def _every_page(asked: PageRequest) -> Iterator[tuple[Page, str]]:
    for page in PAGES:
        if page.kind not in NEEDS_QUESTIONS:
            yield from ((page, str(key)) for key in (page.keys(asked) if page.keys else ("",)))


def _finish(folder: Path, pages: set[str], now: datetime) -> None:
    for name, (content, _) in ASSETS.items():
        (folder / "assets" / name).write_text(content(), encoding="utf-8")
    # GitHub Pages would leave out what begins with an underscore
    (folder / ".nojekyll").write_text("")
    document = {"written": now.isoformat(timespec="seconds"), "pages": sorted(pages)}
    (folder / MANIFEST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _earlier(folder: Path) -> set[str]:
    """The pages of an earlier site; raises NotASite for a folder with something else in it."""
    try:
        pages = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["pages"]
    except FileNotFoundError:
        if folder.exists() and any(folder.iterdir()):
            raise NotASite(
                f"{folder} holds something else than a site of ours; name an empty or a new folder"
            ) from None
        return set()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotASite(f"{folder / MANIFEST} is none of ours; name an empty or a new folder") from None
    return {name for name in pages if isinstance(name, str) and Path(name).name == name}
