"""`player_history`: a rating for each player and day of play, published to `player_history`.

A row of the feed is a person with a list of readings, newest first; a person counts as one row in every figure.
Readings belong to the person, whichever of his memberships they were stored with; a new one is stored with the oldest.
Several readings of one day and series are told apart by their order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from typing_extensions import TypedDict  # pydantic takes no other below Python 3.12

from etl.importing import Counts, staging
from etl.importing.feed_rows import Intake
from etl.importing.provenance import claim
from etl.importing.staging import copied, differs, ids, same_key, temporary, withdraw
from etl.importing.target import Writer, read_target
from etl.kinds.kind import FeedKind
from etl.records import RecordColumns, Reject
from etl.records.feed_schema import FeedSchema, Refused, ignoring, key
from etl.records.fields import Day, Name, Number, Text
from etl.tables import leagues, player_history, players


class RatingReading(TypedDict):
    """A rating after a day of play."""

    date: Day
    end_pti: Number
    series: Text


class PersonHistory(NamedTuple):
    """One person's ratings, as JSON text of `RatingReading`s; a person who never played has none."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a record
    league: Annotated[str, key("league_id", "league", reads=Text)]
    player_id: Annotated[Name, key("player_id")]
    series: Annotated[Text, key("series", optional=True)]
    readings: Annotated[str, key("matches", reads=list[RatingReading])]


_INVENTED = "FALLBACK_"
"""What begins an id that the scraper makes up for a row in which it finds no person."""


def _complete(columns: RecordColumns) -> None:
    if any(player.startswith(_INVENTED) for player in columns["player_id"]):
        raise Refused("player_id", "player_id was made up by the scraper: no person stands behind the row")
    columns["readings"] = list(map(_as_json, columns["readings"]))


def _as_json(readings: Sequence[RatingReading]) -> str:
    return json.dumps(readings, default=str)


HISTORY_SCHEMA = FeedSchema(
    PersonHistory,
    derive=_complete,
    # whom the id names is the business of `players`
    ignored=ignoring("name", "first_name", "last_name", "club", "rating", "wins", "losses"),
)
staged_history = staging.stage_table("stage_player_history", PersonHistory)
HISTORY_COLUMNS = ("player_id", "league_id", "date", "series", "end_pti")
history_plan = temporary(
    "plan_player_history", *ids("index", "place", "target_id"), *copied(player_history, *HISTORY_COLUMNS)
)
gone_history = temporary("gone_player_history", *ids("id"))


def publish_history(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Write the readings of the staged people; returns the figures that publishing adds.

    Of rows of one person the last counts; a person with readings whom no feed of players has brought is a reject. A
    person counts as inserted where readings were only added, as updated where others changed. Withdrawn are readings
    that a person had and has no more, where the feed has any of his.
    """
    duplicates = _drop_repeated(connection)
    _refuse_strangers(connection, intake)
    _plan(connection)
    _find_gone(connection)
    people, changed = _people(connection)
    inserted, updated = _changes(connection)
    target = read_target(connection, player_history)
    writer = Writer(target, history_plan, HISTORY_COLUMNS, staged_history, HISTORY_SCHEMA, intake)
    claim(connection, "player_history", sa.select(history_plan.c.target_id.label("id")))
    look = writer.look(connection)
    writer.review(connection, look, _unchanged(connection))
    writer.refuse(connection, look)
    writer.update(connection)
    writer.insert(connection, ("index", "place"))
    withdrawn = 0 if intake.partial else withdraw(connection, player_history, gone_history, prune=prune)
    return Counts(
        inserted=inserted, updated=updated, unchanged=people - changed, withdrawn=withdrawn, duplicates=duplicates
    )


def _drop_repeated(connection: sa.Connection) -> int:
    later, staged = staged_history.alias("later"), staged_history
    same = same_key(later, staged, ("league", "player_id")) & (later.c.index > staged.c.index)
    return connection.execute(sa.delete(staged).where(sa.exists().where(same))).rowcount


def _refuse_strangers(connection: sa.Connection, intake: Intake) -> None:
    """Take people with readings whom `players` does not have out of the stage, and keep them as rejects."""
    staged = staged_history
    member = sa.exists().where(
        players.c.tenniscores_player_id == staged.c.player_id,
        players.c.league_id == leagues.c.id,
        leagues.c.league_id == staged.c.league,
    )
    gone = (
        sa.delete(staged).where(staged.c.readings != "[]", ~member).returning(*staged.c, staged.c.index.label("place"))
    )
    reason = "no player of the league has this player_id: import its players first, then replay"
    rows = sorted(connection.execute(gone), key=lambda row: int(row.place))
    intake.keep([Reject(row.place, reason, "player_id", _as_read(row)) for row in rows])


def _as_read(row: Any) -> str:
    """The row as its feed had it, so that it can be tried again."""
    readings = json.loads(row.readings)
    kept = {"league_id": row.league, "player_id": row.player_id, "series": row.series, "matches": readings}
    return json.dumps(kept, ensure_ascii=False)


def _read() -> sa.Subquery:
    """The readings of the feed, with the person's oldest membership of the league."""
    staged = staged_history
    reading = (
        sa.func.jsonb_array_elements(sa.cast(staged.c.readings, JSONB))
        .table_valued(sa.column("value", JSONB), with_ordinality="place", name="reading")
        .render_derived()
    )
    day, pti = (reading.c.value[name].astext for name in ("date", "end_pti"))
    text = sa.func.coalesce(reading.c.value["series"].astext, staged.c.series)
    home = (
        sa.select(players.c.tenniscores_player_id, players.c.league_id, sa.func.min(players.c.id).label("player_id"))
        .group_by(players.c.tenniscores_player_id, players.c.league_id)
        .subquery("home")
    )
    columns = (
        home.c.tenniscores_player_id.label("person"), home.c.player_id, home.c.league_id,
        sa.cast(day, sa.Date).label("date"), text.label("series"),
        sa.cast(pti, player_history.c.end_pti.type).label("end_pti"),
    )  # fmt: skip
    nth = _nth(staged.c.index, day, text, order=reading.c.place)
    return (
        sa.select(staged.c.index, reading.c.place, *columns, nth)
        .join_from(staged, leagues, leagues.c.league_id == staged.c.league)
        .join(home, (home.c.tenniscores_player_id == staged.c.player_id) & (home.c.league_id == leagues.c.id))
        .join(reading, sa.true())
        .subquery("new")
    )


def _stored() -> sa.Subquery:
    """The readings that stand in the table, with the person whom they are of."""
    person = players.c.tenniscores_player_id
    key_columns = (person, player_history.c.league_id, player_history.c.date, player_history.c.series)
    return (
        sa.select(player_history, person.label("person"), _nth(*key_columns, order=player_history.c.id))
        .join(players, players.c.id == player_history.c.player_id)
        .subquery("old")
    )


def _nth(*columns: sa.ColumnElement[Any], order: sa.ColumnElement[int]) -> sa.Label[int]:
    return sa.func.row_number().over(partition_by=columns, order_by=order).label("nth")


def _is_same_reading(new: sa.Subquery, old: sa.Subquery) -> sa.ColumnElement[bool]:
    same_series = sa.func.coalesce(new.c.series, "") == sa.func.coalesce(old.c.series, "")
    return same_key(new, old, ("person", "league_id", "date", "nth")) & same_series


def _plan(connection: sa.Connection) -> None:
    """Plan readings that are new or differ; a reading stays with the membership that it was stored with."""
    new, old = _read(), _stored()
    kept = sa.func.coalesce(old.c.player_id, new.c.player_id)
    same = _is_same_reading(new, old)
    columns = [new.c.index, new.c.place, old.c.id, kept, *(new.c[name] for name in HISTORY_COLUMNS[1:])]
    rows = sa.select(*columns).select_from(new.outerjoin(old, same))
    rows = rows.where(old.c.id.is_(None) | differs(old, new, ("end_pti",)))
    staging.create_staging(connection, history_plan)
    names = ["index", "place", "target_id", *HISTORY_COLUMNS]
    connection.execute(sa.insert(history_plan).from_select(names, rows))


def _find_gone(connection: sa.Connection) -> None:
    new, old = _read(), _stored()
    of_feed = sa.tuple_(old.c.person, old.c.league_id).in_(sa.select(new.c.person, new.c.league_id))
    rows = sa.select(old.c.id).where(of_feed, ~sa.exists().where(_is_same_reading(new, old)))
    staging.create_staging(connection, gone_history)
    connection.execute(sa.insert(gone_history).from_select(["id"], rows))


def _people(connection: sa.Connection) -> tuple[int, int]:
    """How many people are staged, and how many of them are in the plan."""
    staged = sa.select(sa.func.count()).select_from(staged_history).scalar_subquery()
    row = connection.execute(sa.select(staged, sa.func.count(sa.distinct(history_plan.c.index)))).one()
    return int(row[0]), int(row[1])


def _unchanged(connection: sa.Connection) -> int:
    """How many readings of the feed stand in the table as they are."""
    read = sa.select(sa.func.count()).select_from(_read()).scalar_subquery()
    return int(connection.execute(sa.select(read - sa.func.count()).select_from(history_plan)).scalar_one())


def _changes(connection: sa.Connection) -> tuple[int, int]:
    """How many people of the plan have new readings only, and how many have others that change."""
    plan = history_plan.c
    person = sa.select(sa.func.count(plan.target_id).label("changed")).group_by(plan.index).subquery()
    only_new = person.c.changed == 0
    counts = sa.select(sa.func.count().filter(only_new), sa.func.count().filter(~only_new)).select_from(person)
    row = connection.execute(counts).one()
    return int(row[0]), int(row[1])


PLAYER_HISTORY = FeedKind(
    name="player_history",
    place=25,
    schema=HISTORY_SCHEMA,
    stage=staged_history,
    publish=publish_history,
    tables=(player_history,),
    domains=("player_history",),
)
