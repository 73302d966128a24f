"""Parts of feeds in the database: what was published of each, and what is held with its rows until it is freed.

A held part keeps its staged rows as COPY writes them, so that it can be published when its file is gone. It is tried
again when what it may lack has changed (teams or aliases of its league, corrections), and closed when newer data of its
kind and league is published.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from etl import NotFound
from etl.connections import blocks_of
from etl.feeds import Feed
from etl.importing import Counts, Outcome, PartResult
from etl.importing.correct import proposals
from etl.importing.declared import Correction, digest_of, of_part
from etl.importing.feed_rows import Intake
from etl.importing.guards import MENDED, NEVER_ALLOWED, UNKNOWN_LEAGUE, WAYS_OUT
from etl.importing.staging import name_links
from etl.leagues import ALL
from etl.tables import import_feeds, import_parts, import_runs, import_stops, leagues, rejects, team_aliases, teams
from etl.words import number_of

MOST_NAMES = 200
"""Open names that are kept with a held part."""
OPEN = (import_parts.c.outcome == Outcome.HELD.value) & import_parts.c.closed_at.is_(None)
WAITING = OPEN & import_parts.c.rows.is_not(None)


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that waits: `reasons` with what would free each, `names` that mean no team as (name, series, sides).

    `corrections` are those that its guards propose, each as the values of its lines in `rally.toml`.
    """

    id: int
    kind: str
    league: str
    path: str
    since: datetime
    tries: int
    reasons: tuple[str, ...]
    ways_out: tuple[str, ...]
    names: tuple[Mapping[str, Any], ...]
    records: int
    corrections: tuple[Mapping[str, str], ...]

    @property
    def let_pass(self) -> str:
        """The command that lets all of it pass."""
        guards = dict.fromkeys(reason.partition(":")[0] for reason in self.reasons)
        allowed = "".join(f" --allow {guard}" for guard in guards if guard != NEVER_ALLOWED)
        return f"rally-health imports retry {self.id}{allowed}" + (' --reason "..."' if allowed else "")

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self) | {
            "let_pass": self.let_pass,
            "since": self.since.isoformat(), "reasons": list(self.reasons), "ways_out": list(self.ways_out),
            "names": [dict(name) for name in self.names], "corrections": [dict(own) for own in self.corrections],
        }  # fmt: skip


def held_parts(connection: sa.Connection) -> tuple[HeldPart, ...]:
    """The parts that wait, oldest first."""
    part = import_parts.c
    rows = connection.execute(
        sa.select(part.id, part.kind, part.league, part.path, part.at, part.tries, part.reasons, part.names,
                  part.counts, part.profile).where(OPEN).order_by(part.id)
    )  # fmt: skip
    return tuple(
        HeldPart(row.id, row.kind, row.league, row.path, row.at, row.tries, tuple(row.reasons),
                 ways_out(row.reasons), tuple(row.names), row.counts["held"],
                 tuple(proposals(row.kind, row.league, row.reasons, row.profile)))
        for row in rows
    )  # fmt: skip


def ways_out(reasons: Sequence[str]) -> tuple[str, ...]:
    """What would free a part that is held for these reasons ("guard: sentence"), but that a person lets it pass.

    One that says more than "a mended feed" stands for that, too.
    """
    ways = tuple(dict.fromkeys(WAYS_OUT.get(reason.partition(":")[0], MENDED) for reason in reasons))
    more = any(way.startswith(f"{MENDED},") for way in ways)
    return tuple(way for way in ways if not (more and way == MENDED))


def staged_open_names(connection: sa.Connection) -> list[dict[str, Any]]:
    """The staged names that mean no team, those on most sides first."""
    link = name_links.c
    names = sa.select(link.name, link.series, link.sides, link.reason).where(link.team_id.is_(None))
    rows = connection.execute(names.order_by(link.sides.desc(), link.name).limit(MOST_NAMES))
    return [dict(row._mapping) for row in rows]


def packed(connection: sa.Connection, stage: sa.Table) -> bytes:
    """The staged rows as COPY writes them, compressed."""
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    with driver.cursor() as cursor, cursor.copy(f"copy {stage.name} to stdout") as rows:
        return gzip.compress(b"".join(blocks_of(rows)), compresslevel=6)


def unpack(connection: sa.Connection, stage: sa.Table, rows: bytes) -> None:
    """Put packed rows into an empty stage."""
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    with driver.cursor() as cursor, cursor.copy(f"copy {stage.name} from stdin") as target:
        target.write(gzip.decompress(rows))


def note_part(connection: sa.Connection, feed: Feed, intake: Intake, part: PartResult) -> None:
    """Note a published part; older ones of its kind and league that were held wait no more."""
    number = connection.execute(
        sa.insert(import_parts).values(_values(feed, intake, part)).returning(import_parts.c.id)
    )
    if intake.partial:
        return
    same = (import_parts.c.kind == feed.kind.name, _is_older(feed, intake, part))
    superseded = sa.update(import_parts).where(OPEN, *same, import_parts.c.id < (intake.held or number.scalar_one()))
    connection.execute(
        superseded.values(closed_at=sa.func.clock_timestamp(), closing="newer data was published", rows=None)
    )
    if intake.held:
        done = sa.update(import_parts).where(import_parts.c.id == intake.held)
        connection.execute(done.values(closed_at=sa.func.clock_timestamp(), closing="published", rows=None))


def _is_older(feed: Feed, intake: Intake, part: PartResult) -> sa.ColumnElement[bool]:
    """Held parts of the same league, or of a slip of a league's name that is not in its file any more."""
    older = import_parts.c.league == part.league
    slip = sa.cast(import_parts.c.reasons, sa.Text).contains(f"{UNKNOWN_LEAGUE}:")
    gone = slip & (import_parts.c.path == str(feed.path)) & import_parts.c.league.not_in(intake.leagues)
    return older if intake.held else older | gone


def keep_part(
    connection: sa.Connection, feed: Feed, intake: Intake, part: PartResult, kept: Mapping[str, Any],
) -> None:  # fmt: skip
    """Keep a held part with its staged rows; one that is held already keeps its place and counts one more try.

    `kept` are its names without a team, and what may free it, as `watch` has it.
    """
    stage = feed.kind.stage
    # rows that were refused while the part was tried are kept with it
    tried = sa.select(stage.c.index)
    connection.execute(sa.delete(rejects).where(rejects.c.feed_id == intake.feed_id, rejects.c.index.in_(tried)))
    values = _values(feed, intake, part) | dict(kept) | {"rows": packed(connection, stage)}
    same = import_parts.c.kind == feed.kind.name, import_parts.c.league == part.league
    own = import_parts.c.id == intake.held if intake.held else import_parts.c.path == str(feed.path)
    again = sa.update(import_parts).where(OPEN, *same, own).values(values | {"tries": import_parts.c.tries + 1})
    if not connection.execute(again).rowcount:
        connection.execute(sa.insert(import_parts).values(values))


def watch(connection: sa.Connection, league: str, corrections: str) -> str:
    """What may free a held part of a league, as a text that differs when something of it has changed."""
    return _watched(connection, [league])(league, corrections)


def _watched(connection: sa.Connection, of: Collection[str]) -> Callable[[str, str], str]:
    """The same for parts of several leagues, which are looked at together."""
    named, alias, stop = leagues.c.league_id, team_aliases.c, import_stops.c
    counted = sa.select(named, sa.func.count(), sa.func.max(teams.c.id)).join(teams, teams.c.league_id == leagues.c.id)
    newest = sa.select(alias.league, sa.func.max(alias.id)).group_by(alias.league)
    counts = {row[0]: tuple(row[1:]) for row in connection.execute(counted.where(named.in_(of)).group_by(named))}
    aliases = {row[0]: row[1] for row in connection.execute(newest.where(alias.league.in_(of)))}
    stops = connection.execute(
        sa.select(stop.league, stop.id).where(stop.resumed_at.is_(None), stop.league.in_(("", *of))).order_by(stop.id)
    ).all()

    def told(league: str, corrections: str) -> str:
        own = [row.id for row in stops if row.league in {"", league}]
        teams_of, alias_of = counts.get(league, (0, None)), aliases.get(league)
        return ", ".join(filter(None, (f"teams {teams_of}", f"alias {alias_of}", f"stops {own or None}", corrections)))

    return told


@dataclass(frozen=True, slots=True)
class Waiting:
    """A held part that can be tried again: its packed rows, and the columns that its feed has keys for.

    `rejects` could not be read and are not among them, `garbled` of those because of their encoding.
    """

    id: int
    kind: str
    league: str
    path: str
    fingerprint: str
    rows: bytes
    records: int
    told: tuple[str, ...]
    rejects: int
    garbled: int


def worth_another_try(connection: sa.Connection, corrections: Sequence[Correction]) -> tuple[Waiting, ...]:
    """The held parts of which something that may free them has changed, oldest first."""
    part = import_parts.c
    waiting = connection.execute(sa.select(part.id, part.kind, part.league, part.watch).where(WAITING)).all()
    if not waiting:
        return ()
    watched = _watched(connection, {row.league for row in waiting})
    changed = [
        row.id
        for row in waiting
        if row.watch != watched(row.league, digest_of(of_part(corrections, row.kind, row.league)))
    ]
    # rows that are kept are large: those alone are read that are tried again
    again = connection.execute(_kept_rows().where(part.id.in_(changed)).order_by(part.id)) if changed else ()
    return tuple(_waiting(row) for row in again)


def waiting_part(connection: sa.Connection, number: int) -> Waiting:
    """A held part by its number; raises NotFound where none of this number waits."""
    row = connection.execute(_kept_rows().where(import_parts.c.id == number)).first()
    if row is None:
        raise NotFound(f"there is no held part {number} that waits; see rally-health imports held")
    return _waiting(row)


def discard_part(connection: sa.Connection, number: int, who: str, why: str) -> str:
    """Let a held part wait no more, its rows given up; returns what it is. Raises NotFound as `waiting_part` does."""
    part = waiting_part(connection, number)
    given_up = {"closed_at": sa.func.clock_timestamp(), "closing": f"discarded by {who}: {why}", "rows": None}
    connection.execute(sa.update(import_parts).where(import_parts.c.id == number).values(given_up))
    return f"{part.kind} of {part.league or ALL}: {number_of(part.records, 'rows')} of {part.path}"


def _kept_rows() -> sa.Select[Any]:
    part = import_parts.c
    held = (part.id, part.kind, part.league, part.path, part.fingerprint, part.rows, part.counts, part.profile)
    return sa.select(*held).where(WAITING)


def _waiting(row: sa.Row[Any]) -> Waiting:
    told, mark, records = tuple(row.profile["told"]), row.fingerprint or "", row.counts["held"]
    unread, garbled = max(row.profile["rows"] - records, 0), row.profile.get("garbled", 0)
    return Waiting(row.id, row.kind, row.league, row.path, mark, bytes(row.rows), records, told, unread, garbled)


def parts_of_run(connection: sa.Connection, run: int) -> tuple[Mapping[str, Any], ...]:
    """What became of each part of a run, with its change profile, as plain values. Raises NotFound without that run."""
    part = import_parts.c
    columns = (part.kind, part.league, part.path, part.outcome, part.counts, part.profile, part.reasons, part.allowed,
               part.corrections)  # fmt: skip
    rows = connection.execute(
        sa.select(*columns).join(import_feeds, import_feeds.c.id == part.feed_id)
        .where(import_feeds.c.run_id == run).order_by(part.id)
    ).all()  # fmt: skip
    if not rows and not connection.scalar(sa.select(import_runs.c.id).where(import_runs.c.id == run)):
        raise NotFound(f"there is no import run {run}; see rally-health imports")
    return tuple(dict(row._mapping) for row in rows)


def _values(feed: Feed, intake: Intake, part: PartResult) -> dict[str, Any]:
    return {
        "feed_id": intake.feed_id, "kind": feed.kind.name, "league": part.league, "path": str(feed.path),
        "fingerprint": intake.fingerprint or None, "outcome": part.outcome.value,
        "counts": {name: getattr(part.counts, name) for name in Counts.__slots__},
        "profile": dict(part.profile), "reasons": list(part.reasons), "allowed": [dict(one) for one in part.allowed],
        "corrections": [dict(one) for one in part.corrections],
    }  # fmt: skip
