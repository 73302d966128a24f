"""Find feeds: which files hold which kind of rows, for which league, in which order to publish them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from etl import FeedError, leagues
from etl.kinds import KINDS
from etl.kinds.kind import FeedKind
from etl.leagues import ALL
from etl.reading.window import LINES


@dataclass(frozen=True, slots=True)
class Feed:
    """One file of one kind; `league` is a canonical id or "all", `moment` the time folder it stands in or ""."""

    path: Path
    kind: FeedKind
    league: str
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """Something in the tree that is no feed, and why it was left out."""

    path: Path
    reason: str


_STEMS = {stem: kind for kind in KINDS for stem in (kind.name, *kind.stems)}
_FILES = ", ".join(f"{stem}.json" for stem in _STEMS)
_ENDINGS = (".json", *sorted(LINES))
_NO_FEED = f"not one of {_FILES}; {' or '.join(_ENDINGS[1:])} hold a row a line, and each may end in .gz"
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2,6})?")
_LEAGUE_ID = re.compile(r"[A-Z][A-Z0-9_]+")


def discover(paths: Sequence[Path]) -> tuple[tuple[Feed, ...], tuple[Unrecognised, ...]]:
    """The feeds below `paths` (files, folders of a league, trees) in publishing order, and what is none.

    Order: time folder, kind, then `all` before the leagues' own folders. `all` was merged by hand and is sometimes
    stale, so the fresher rows come last and stay. A path that does not exist is a FeedError.
    """
    feeds: dict[Path, Feed] = {}
    others: dict[Path, Unrecognised] = {}
    for path, root in _files(paths):
        recognised = _recognise(path, root)
        if isinstance(recognised, Feed):
            feeds.setdefault(path.resolve(), recognised)
        else:
            others.setdefault(path, recognised)
    return tuple(sorted(feeds.values(), key=_place)), tuple(sorted(others.values(), key=lambda other: str(other.path)))


def fingerprint(feed: Feed) -> str:
    """SHA-256 of the file's bytes, in hex; reads in small pieces."""
    try:
        with feed.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FeedError(f"{feed.path} cannot be read: {error.strerror}") from error


def _place(feed: Feed) -> tuple[str, int, bool, str, str]:
    return feed.moment, feed.kind.place, feed.league != ALL, feed.league, str(feed.path)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path | None]]:
    for path in paths:
        if not path.exists():
            raise FeedError(f"{path} does not exist")
        if path.is_dir():
            yield from ((file, path) for file in _walk(path))
        else:
            yield path, None


def _walk(root: Path) -> Iterator[Path]:
    closed: list[Path] = []
    for folder, folders, files in os.walk(root, onerror=lambda error: closed.append(Path(error.filename))):
        links = [name for name in folders if Path(folder, name).is_symlink()]  # not walked into, but said
        yield from (Path(folder, name) for name in [*files, *links])
    yield from closed


def _recognise(path: Path, root: Path | None) -> Feed | Unrecognised:
    reason = _trouble(path, root)
    if reason:
        return Unrecognised(path, reason)
    place = path.absolute()
    kind = _kind_of(path.name)
    return Feed(path, kind, _league(place), _moment(place)) if kind else Unrecognised(path, _NO_FEED)


def _trouble(path: Path, root: Path | None) -> str | None:
    if root and path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        return f"a link that leads out of {root}"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "a linked folder" if path.is_symlink() else "a folder that cannot be opened"
    if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
        return "not a regular file"
    if _kind_of(path.name) is None:
        return _NO_FEED
    return None if os.access(path, os.R_OK) else "cannot be read: Permission denied"


def _kind_of(name: str) -> FeedKind | None:
    """The kind of a file by its name, compressed or not; some scrapers put their league before it."""
    plain = Path(name.lower().removesuffix(".gz"))
    if plain.suffix not in _ENDINGS:
        return None
    stem = plain.stem
    if stem in _STEMS:
        return _STEMS[stem]
    ends = (known for known in _STEMS if stem.endswith(f"_{known}"))
    known = (known for known in ends if leagues.is_known(leagues.canonical(stem.removesuffix(f"_{known}"))))
    return next((_STEMS[one] for one in known), None)


def _moment(path: Path) -> str:
    return next((part for part in reversed(path.parts[:-1]) if _MOMENT.fullmatch(part)), "")


def _league(path: Path) -> str:
    """The folder's league; a folder that only looks like any folder says nothing, so its rows must name theirs."""
    folder = path.parent.name
    if folder.lower() == ALL:
        return ALL
    league = leagues.canonical(folder)
    named = leagues.is_known(league) or _LEAGUE_ID.fullmatch(folder) or _MOMENT.fullmatch(path.parent.parent.name)
    return league if named and league else ALL
