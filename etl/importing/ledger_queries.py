"""The import's ledger as people ask for it: runs, refused rows, names without a team, and names that a person
confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Text,
    and_,
    column,
    delete,
    exists,
    func,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from etl import EtlError
from etl.reading import RAW_LIMIT
from etl.tables import (
    EVER,
    TimeSpan,
    import_feeds,
    import_parts,
    import_runs,
    leagues,
    links,
    rejects,
    series,
    team_aliases,
    teams,
    within,
)

if TYPE_CHECKING:
    from etl.names.resolver import Resolver


@dataclass(frozen=True, slots=True)
class OpenName:
    """A name that means no team: how many sides have it, why, and the teams that it may mean, likeliest first."""

    league: str
    series: str
    name: str
    sides: int
    reason: str
    suggestions: tuple[tuple[int, str, float], ...] = ()


def because(reasons: Iterable[str], allowed: Iterable[Mapping[str, str]]) -> str:
    """Why a feed or a part ended as it did, in words: its reasons, and what a person let pass; empty without any."""
    return "; ".join([*reasons, *(f"{one['rule']} let pass by {one['who']}: {one['why']}" for one in allowed)])


def feeds(connection: Connection, *, limit: int = 20, span: TimeSpan = EVER) -> Sequence[dict[str, Any]]:
    """The feeds of the latest runs of a time, newest first, with the run that they belong to."""
    columns = [column for column in import_feeds.columns if column.name not in {"drift", "seconds"}]
    statement = select(*columns, import_runs.c.outcome.label("run_outcome")).join(import_runs)
    statement = statement.where(*within(import_feeds.c.started_at, span))
    return [
        dict(row) for row in connection.execute(statement.order_by(import_feeds.c.id.desc()).limit(limit)).mappings()
    ]


CUT = func.length(rejects.c.raw) > RAW_LIMIT, rejects.c.raw.like("%… (cut: % of % characters)")
REFUSED = select(
    rejects, and_(*CUT).label("cut"), import_feeds.c.path, import_feeds.c.kind, import_feeds.c.league
).join(import_feeds)


def list_rejects(
    connection: Connection, *, feed: int | None = None, limit: int | None = 50
) -> Sequence[dict[str, Any]]:
    """Rows that were refused and not taken since, newest feed first, each with its file, and whether `raw` was cut.

    Raises RejectError for a feed that is not there.
    """
    _require_feed(connection, feed)
    waiting = REFUSED.where(rejects.c.resolved_at.is_(None), ~_settled_before())
    statement = waiting.order_by(rejects.c.feed_id.desc(), rejects.c.index)
    if feed is not None:
        statement = statement.where(rejects.c.feed_id == feed)
    return [dict(row) for row in connection.execute(statement.limit(limit)).mappings()]


def _require_feed(connection: Connection, feed: int | None) -> None:
    if feed is not None and not connection.scalar(select(import_feeds.c.id).where(import_feeds.c.id == feed)):
        raise RejectError(f"there is no feed {feed}; see rally-health imports")


def count_cut_rejects(connection: Connection, *, feed: int | None = None) -> int:
    """How many waiting rows were kept in part only, so that they cannot be tried again."""
    of_feed = [rejects.c.feed_id == feed] if feed is not None else []
    statement = select(func.count()).where(*CUT, rejects.c.resolved_at.is_(None), *of_feed)
    return int(connection.scalar(statement) or 0)


def _settled_before() -> ColumnElement[bool]:
    """Whether the same row of the same feed was settled earlier: a nightly feed brings it each night."""
    earlier, of = rejects.alias("settled"), import_feeds.alias("of")
    same = (earlier.c.raw == rejects.c.raw, of.c.kind == import_feeds.c.kind, of.c.league == import_feeds.c.league)
    return exists().where(earlier.c.settled_by.is_not(None), earlier.c.feed_id == of.c.id, *same)


def settle_rejects(connection: Connection, numbers: Sequence[int], feed: int | None, *, who: str, reason: str) -> int:
    """Decide that refused rows stay out, by their numbers or all that wait of one feed; how many that were.

    The same row is not listed again when its feed brings it again. Raises RejectError, and settles none, where one of
    the numbers does not wait or the feed is not there.
    """
    _require_feed(connection, feed)
    chosen = rejects.c.id.in_(numbers) if numbers else rejects.c.feed_id == feed
    values = {"resolved_at": func.now(), "settled_by": who, "settled_reason": reason}
    waiting = update(rejects).where(chosen, rejects.c.resolved_at.is_(None)).values(values).returning(rejects.c.id)
    settled = set(connection.scalars(waiting))
    strangers = sorted(set(numbers) - settled)
    if strangers:
        raise RejectError(
            f"there is no waiting reject {', '.join(map(str, strangers))}, or it was taken or settled; see rally-health"
            " rejects list"
        )
    return len(settled)


def reject(connection: Connection, reject_id: int) -> dict[str, Any]:
    """One refused row; RejectError where there is none."""
    row = connection.execute(REFUSED.where(rejects.c.id == reject_id)).mappings().first()
    if row is None:
        raise RejectError(f"there is no reject {reject_id}; see rally-health rejects list")
    return dict(row)


def open_names(connection: Connection, *, suggest: bool = False) -> Sequence[OpenName]:
    """Names without a team, the most frequent first; with `suggest` the teams that each may mean."""
    statement = select(links).where(links.c.team_id.is_(None)).order_by(links.c.sides.desc(), links.c.name)
    rows = [*connection.execute(statement), *_names_of_held(connection)]
    resolving = _resolver(connection) if suggest and rows else None
    names = _team_names(connection) if resolving else {}
    return [
        OpenName(row.league, row.series, row.name, row.sides, row.reason, _suggestions(resolving, names, row))
        for row in rows
    ]


def _names_of_held(connection: Connection) -> list[Row[Any]]:
    """The names that mean no team in parts that are held: nothing else remembers them."""
    name = func.jsonb_to_recordset(import_parts.c.names).table_valued(
        column("name", Text), column("series", Text), column("sides", Integer), column("reason", Text)
    ).render_derived(with_types=True)  # fmt: skip
    waits = (import_parts.c.outcome == "held") & import_parts.c.closed_at.is_(None)
    series_name = func.coalesce(name.c.series, "")
    rows = select(import_parts.c.league, series_name.label("series"), name.c.name,
                  func.max(name.c.sides).label("sides"), func.max(name.c.reason).label("reason"))  # fmt: skip
    rows = rows.select_from(import_parts.join(name, true())).where(waits)
    return list(connection.execute(rows.group_by(import_parts.c.league, series_name, name.c.name)))


def aliases(connection: Connection) -> Sequence[dict[str, Any]]:
    """Confirmed names with their team, who confirmed them and when."""
    statement = select(team_aliases, teams.c.team_name).join(teams).order_by(team_aliases.c.league, team_aliases.c.name)
    return [dict(row) for row in connection.execute(statement).mappings()]


def teams_named(
    connection: Connection, league: str, team: str, in_series: str | None = None
) -> Sequence[tuple[int, str]]:
    """Ids of the league's teams of this very name, with their series; of one series where it is given."""
    statement = (
        select(teams.c.id, series.c.name)
        .join(leagues, leagues.c.id == teams.c.league_id)
        .join(series, series.c.id == teams.c.series_id)
        .where(leagues.c.league_id == league, teams.c.team_name == team)
        .order_by(teams.c.id)
    )
    if in_series:
        statement = statement.where(func.lower(series.c.name) == in_series.lower())
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _resolver(connection: Connection) -> Resolver:
    from etl.importing.link import resolver  # noqa: PLC0415 - who suggests nothing compares no names

    return resolver(connection)


def _suggestions(known: Resolver | None, names: dict[int, str], row: Any) -> tuple[tuple[int, str, float], ...]:
    if known is None:
        return ()
    link = known.resolve(row.league, row.series or None, row.name)
    return tuple((one.team_id, names.get(one.team_id, ""), one.confidence) for one in link.suggestions[:3])


def _team_names(connection: Connection) -> dict[int, str]:
    statement = select(teams.c.id, teams.c.team_name, series.c.name).join(series, series.c.id == teams.c.series_id)
    return {row[0]: f"{row[1]} ({row[2]})" for row in connection.execute(statement)}


class RejectError(EtlError):
    """A refused row that does not wait."""


class AliasError(EtlError):
    """A name that cannot be confirmed as it was asked."""


def confirm_alias(connection: Connection, league: str, name: str, team: str, *, series: str = "", who: str) -> int:
    """Let `name` mean the team called `team` from now on, in one series or the whole league; returns the team's id.

    Raises AliasError when no team of the league has that name, or several have and no series tells which.
    """
    candidates = teams_named(connection, league, team, series or None)
    if len(candidates) != 1:
        raise AliasError(_not_one(league, team, series, candidates))
    values = {"league": league, "series": series, "name": name, "team_id": candidates[0][0], "confirmed_by": who}
    statement = insert(team_aliases).values(values)
    new = {"team_id": statement.excluded.team_id, "confirmed_by": statement.excluded.confirmed_by}
    connection.execute(statement.on_conflict_do_update(index_elements=["league", "series", "name"], set_=new))
    return candidates[0][0]


def forget_alias(connection: Connection, league: str, name: str, *, series: str = "") -> bool:
    """Take back a confirmed name; False where there is none."""
    mine = (team_aliases.c.league == league, team_aliases.c.name == name, team_aliases.c.series == series)
    return connection.execute(delete(team_aliases).where(*mine)).rowcount > 0


def _not_one(league: str, team: str, series: str, candidates: Sequence[tuple[int, str]]) -> str:
    where = f"{league}, {series}" if series else league
    if not candidates:
        return f"no team of {where} is called {team!r}; `rally-health names suggest` shows what there is"
    return f"several teams of {where} are called {team!r}, in {', '.join(name for _, name in candidates)}; say --series"
