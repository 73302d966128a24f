"""`schedules`: meetings, byes, and the practice times that captains add, published to `schedule`.

The plan holds only what changes: rows that are new and rows that differ, each with the row it replaces. Unchanged rows
are joined once and never written. Fixtures that can be linked to no team at all become rejects, so that they are kept,
reported and tried again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import time
from functools import lru_cache
from itertools import compress, groupby
from operator import not_
from typing import Annotated, Any, Literal, NamedTuple

import sqlalchemy as sa

from etl.importing import Counts, staging
from etl.importing.accidents import counted_signs, fixture_signs
from etl.importing.ensure_dimensions import add_new_teams
from etl.importing.feed_rows import Intake, as_read
from etl.importing.fixture_identity import (
    SIDES,
    TEAM_COLUMNS,
    doubles,
    drop_second_names,
    find_gone,
    fixture_plan,
    follow,
    gone_fixtures,
    is_double,
    is_matchup_of,
    matchup_names,
    resolved_matchups,
    rows_staged,
    stage_matchups,
)
from etl.importing.link import is_link_of, link_names, open_sides, series_of_links, sides_linked
from etl.importing.profile import PlanLook
from etl.importing.provenance import claim, is_ours
from etl.importing.staging import differs, drop_unchanged, name_links, same_key, withdraw
from etl.importing.target import Target, Writer, read_target
from etl.kinds.kind import FeedKind
from etl.records import RecordColumns, Reject
from etl.records.feed_schema import FeedSchema, Refused, key, require_leagues
from etl.records.fields import Clock, Day, Text
from etl.records.validate import batched
from etl.tables import BYE, PRACTICE, schedule

FixtureKind = Literal["match", "bye", "practice"]


class Fixture(NamedTuple):
    """One scheduled meeting; a practice has no away team, and its league is None where the feed does not tell."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a record
    league: Annotated[Text, key("League", "league_id")]
    series: Annotated[Text, key("series", optional=True)]
    match_date: Annotated[Day, key("date")]
    match_time: Annotated[Clock, key("time")]
    home_team: Annotated[str, key("home_team", optional=True, reads=Text)]
    away_team: Annotated[str, key("away_team", optional=True, reads=Text)]
    location: Annotated[Text, key("location", optional=True)]
    kind: FixtureKind


_BYE = re.compile(BYE, re.IGNORECASE)


def _complete(columns: RecordColumns) -> None:
    """Name practices after club and series, tell byes from meetings, and refuse these without a side or league."""
    practices = list(map(_is_practice, columns["practice"], columns["home_team"])) if any(columns["practice"]) else []
    if any(practices):
        _require({name: list(compress(columns[name], map(not_, practices))) for name in (*SIDES, "league")})
        _name_practices(columns, practices)
    else:
        _require(columns)
    columns["kind"] = list(map(fixture_kind, columns["home_team"], columns["away_team"]))


def _is_practice(club: str | None, home: str | None) -> bool:
    return bool(club) and not home


def _require(meetings: RecordColumns) -> None:
    for side in SIDES:
        if not all(meetings[side]) or any(map(str.isspace, meetings[side])):
            raise Refused(side, f"{side} is missing")
    require_leagues(meetings["league"])


def _name_practices(columns: RecordColumns, practices: Sequence[bool]) -> None:
    names = map(_practice_name, columns["practice"], columns["series"])
    homes = zip(practices, columns["home_team"], names, strict=True)
    aways = zip(practices, columns["away_team"], strict=True)
    columns["home_team"] = [name if practice else home for practice, home, name in homes]
    columns["away_team"] = ["" if practice else away for practice, away in aways]


def _practice_name(club: str, series: str | None) -> str:
    return f"{club} {PRACTICE} - {series}" if series else f"{club} {PRACTICE}"


@lru_cache(maxsize=50_000)
def fixture_kind(home: str, away: str) -> FixtureKind:
    """What a row of the schedule is, by the names of its sides."""
    if not away:
        return "practice"
    return "bye" if _BYE.match(home) or _BYE.match(away) else "match"


SCHEDULE_SCHEMA = FeedSchema(
    Fixture,
    inputs={"practice": Annotated[Text, key("Practice", optional=True)]},
    derive=_complete,
    league_required=False,
)
staged_fixtures = staging.stage_table("stage_fixtures", Fixture)
STAGED_KEY = ("match_date", "home_team", "away_team", "league")
"""What tells one fixture of a feed from another."""
SCHEDULE_KEY = ("match_date", "home_team", "away_team", "league_id")
VALUE_COLUMNS = ("match_time", "home_team_id", "away_team_id", "location")
_BATCH = 500


def refuse_unlinked(connection: sa.Connection, keep: Callable[[list[Reject]], None]) -> int:
    """Take planned matches without any team out of the plan and hand them to `keep`; returns how many."""
    plan, staged, nameless = fixture_plan, staged_fixtures, _is_nameless(fixture_plan)
    home, away = name_links.alias("home"), name_links.alias("away")
    rows = (
        sa.select(
            staged.c.index, sa.func.concat_ws("; ", home.c.reason, away.c.reason), as_read(SCHEDULE_SCHEMA, staged)
        )
        .join(plan, plan.c.index == staged.c.index)
        .outerjoin(home, is_link_of(home, staged, "home_team"))
        .outerjoin(away, is_link_of(away, staged, "away_team"))
        .where(nameless)
        .order_by(staged.c.index)
    )
    with connection.execute(rows.execution_options(yield_per=_BATCH)) as found:
        for batch in found.partitions():
            keep(
                [
                    Reject(index, f"no team can be linked: {why}", "home_team, away_team", raw)
                    for index, why, raw in batch
                ]
            )
    return connection.execute(sa.delete(plan).where(nameless)).rowcount


NAMELESS = "nameless"


def _is_nameless(plan: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a planned row is a new match that can be linked to no team."""
    teams = (plan.c.target_id, plan.c.home_team_id, plan.c.away_team_id)
    return sa.and_(*(column.is_(None) for column in teams), plan.c.kind == "match")


def publish_fixtures(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Link, plan and write the staged fixtures; returns the figures that publishing adds.

    Of rows with one key the fuller counts. A match that can be linked to no team at all becomes a reject.
    Rows that vanished from the feed are counted as withdrawn, and deleted only with `prune`.
    """
    target = read_target(connection, schedule)
    duplicates = _drop_repeated(connection, intake, target)
    stage_matchups(connection, staged_fixtures)
    add_new_teams(connection, matchup_names(), new_season=intake.new_season)
    link_names(connection, matchup_names(), intake, open_sides(schedule))
    untold = SCHEDULE_SCHEMA.untold(intake.drift.told) - {
        *SCHEDULE_KEY
    }  # practices tell their club, and are named by it
    columns = target.present((*SCHEDULE_KEY, *VALUE_COLUMNS), untold)
    linked, unlinked = sides_linked(connection)
    writer = Writer(target, fixture_plan, columns, staged_fixtures, SCHEDULE_SCHEMA, intake, frozenset({SCHEDULE_KEY}),
                    series_of_links(), (linked, unlinked), day="match_date",
                    counting=counted_signs(fixture_plan) | {NAMELESS: _is_nameless(fixture_plan)})  # fmt: skip
    planned, staged = _plan(connection, writer), rows_staged(connection)
    look, went = _reconciled(connection, writer, planned, matched=staged - planned.new)
    same = staged - planned.rows
    writer.review(connection, look, same)
    left = look.rows + intake.rejects
    writer.refuse(connection, look)
    updated, inserted = writer.update(connection), writer.insert(connection, ("index",))
    present = inserted if _all_inserted(connection, left - intake.rejects, inserted) else _present(connection)
    return Counts(
        linked=linked, unlinked=unlinked, inserted=inserted, updated=updated,
        unchanged=same + present - inserted - updated,
        withdrawn=withdraw(connection, schedule, gone_fixtures, prune=prune), duplicates=duplicates + went,
    )  # fmt: skip


def _reconciled(connection: sa.Connection, writer: Writer, planned: PlanLook, *, matched: int) -> tuple[PlanLook, int]:
    """Let planned rows replace those of the table that the feed no longer has, refuse those that mean no team; returns
    the plan as it is then, and how many of its rows named a fixture once more.
    """
    intake = writer.intake
    gone = find_gone(connection, staged_fixtures, intake.seasons, matched=matched, nothing=intake.partial)
    nameless = refuse_unlinked(connection, intake.keep) if planned.counted[NAMELESS] else 0
    went = drop_second_names(connection)
    follow(connection)
    return writer.look(connection) if gone or nameless or went else planned, went


def _drop_repeated(connection: sa.Connection, intake: Intake, target: Target) -> int:
    if intake.repeated:
        return drop_duplicates(connection, intake, target)
    staging.create_staging(connection, doubles)
    return 0


def drop_duplicates(connection: sa.Connection, intake: Intake, target: Target) -> int:
    """Leave one staged row of each fixture; returns how many repeated another.

    Of rows with one key the fuller counts, then the later. Teams may meet twice on one day: at two times these are two
    fixtures, of which a unique key of the table allows one. What differs otherwise is a reject that says in what.
    """
    went = connection.execute(_repeated()).rowcount
    staging.create_staging(connection, doubles)
    keys = [staged_fixtures.c[name] for name in STAGED_KEY]
    many = sa.select(*keys).group_by(*keys).having(sa.func.count() > 1).subquery()
    of_key = sa.select(staged_fixtures).join(many, _same_fixture(staged_fixtures, many))
    rows = connection.execute(of_key.order_by(*keys, staged_fixtures.c.index)).all()
    only = next((f"{key}" for key in target.keys if {*key.parts} == {*SCHEDULE_KEY}), "")
    groups = groupby(rows, lambda row: tuple(getattr(row, name) for name in STAGED_KEY))
    settled = [_settled(list(group), only) for _, group in groups]
    staging.load_rows(connection, doubles, ({"index": index} for each in settled for index in each.at_two_times))
    less = [index for each in settled for index in each.less]
    refused = {index: reason for each in settled for index, reason in each.refused.items()}
    _refuse(connection, intake, refused)
    for batch in batched([*less, *refused], _BATCH):
        connection.execute(sa.delete(staged_fixtures).where(staged_fixtures.c.index.in_(batch)))
    return went + len(less)


def _repeated() -> sa.Delete:
    """Staged rows that a later one repeats in everything that is written."""
    staged, written = staged_fixtures, (*STAGED_KEY, "match_time", "location")
    several = (
        sa.select(*(staged.c[name] for name in written), sa.func.max(staged.c.index).label("last"))
        .group_by(*(staged.c[name] for name in written)).having(sa.func.count() > 1).subquery()
    )  # fmt: skip
    open_ones = [staged.c[name].is_not_distinct_from(several.c[name]) for name in ("match_time", "location")]
    return sa.delete(staged).where(_same_fixture(staged, several), *open_ones, staged.c.index != several.c.last)


def _same_fixture(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Rows of one key; the league alone may be missing, and what is never missing is joined by hash."""
    return same_key(one, other, STAGED_KEY[:-1]) & one.c.league.is_not_distinct_from(other.c.league)


class _Settled(NamedTuple):
    """What becomes of rows of one key, by their indexes: which say less than another, or are refused and why."""

    less: Sequence[int]
    refused: Mapping[int, str]
    at_two_times: Sequence[int]


def _settled(rows: Sequence[Any], only: str) -> _Settled:
    """Settle the rows of one key, which all differ."""
    fuller = sorted(rows, key=lambda row: (_fullness(row), -row.index))
    fixtures: list[Any] = []
    refused: dict[int, str] = {}
    less: list[int] = []
    for row in fuller:
        same = next((one for one in fixtures if _may_be_one(row.match_time, one.match_time)), None)
        if same is None:
            fixtures.append(row)
        elif row.location in {None, same.location}:
            less.append(row.index)
        else:
            refused[row.index] = f"row {same.index} of the feed has this fixture at {same.location!r}"
    first, *others = sorted(fixtures, key=lambda row: (row.match_time is None, row.match_time))
    if only:
        beside = f"a second fixture of these teams on this day: beside it one at {first.match_time:%H:%M}"
        refused |= {row.index: f"{beside}, and schedule allows one: {only}" for row in others}
    return _Settled(less, refused, [row.index for row in fixtures] if others and not only else ())


def _may_be_one(one: time | None, other: time | None) -> bool:
    return one is None or other is None or one == other


def _fullness(row: Any) -> tuple[bool, bool, bool]:
    return row.match_time is None, row.location is None, row.series is None


def _refuse(connection: sa.Connection, intake: Intake, reasons: Mapping[int, str]) -> None:
    staged = staged_fixtures
    for batch in batched(reasons, _BATCH):
        raw = sa.select(staged.c.index, as_read(SCHEDULE_SCHEMA, staged)).where(staged.c.index.in_(batch))
        rows = connection.execute(raw.order_by(staged.c.index)).all()
        intake.keep([Reject(index, reasons[index], "time, location", text) for index, text in rows])


def _plan(connection: sa.Connection, writer: Writer) -> PlanLook:
    """Plan staged rows that are new or differ; what the feed does not tell (a team, a practice's league) is kept.

    Rows of the table that no feed has matched before are planned with them, and dropped again where nothing differs.
    """
    plan, new = fixture_plan, _resolved().cte("resolved")
    kept = {name: sa.func.coalesce(new.c[name], schedule.c[name]) for name in TEAM_COLUMNS}
    optional = [name for name in ("match_time", "location") if name in writer.columns]
    names = plan.columns.keys()
    values = {"target_id": schedule.c.id} | kept
    changed = sa.or_(*(kept[name].is_distinct_from(schedule.c[name]) for name in TEAM_COLUMNS))
    rows = (
        sa.select(*(values[name] if name in values else new.c[name] for name in names))
        .select_from(new.outerjoin(schedule, _same_row(new) & _at_its_time(connection, new)))
        .where(schedule.c.id.is_(None) | changed | differs(schedule, new, optional) | ~is_ours(schedule))
    )
    staging.create_staging(connection, plan)
    with staging.joining_by_hash(connection):
        connection.execute(sa.insert(plan).from_select(names, rows))
    staging.analyze(connection, plan)
    look = writer.look(connection)
    if not look.changed:
        return look
    # a table without its key holds copies of a row: the first is brought up to date, a rule counts the others
    copy = plan.alias("copy")
    connection.execute(sa.delete(plan).where(plan.c.index == copy.c.index, plan.c.target_id > copy.c.target_id))
    _claim_matched(connection, [*TEAM_COLUMNS, *optional])
    return writer.look(connection)


def _claim_matched(connection: sa.Connection, columns: Sequence[str]) -> None:
    """Make rows the feed's that no feed has matched before, and drop them from the plan where nothing differs."""
    plan = fixture_plan
    known = sa.select(plan.c.target_id).join(schedule, schedule.c.id == plan.c.target_id)
    if connection.execute(known.where(~is_ours(schedule)).limit(1)).first():
        claim(connection, "schedule", sa.select(plan.c.target_id.label("id")))
        drop_unchanged(connection, schedule, plan, columns)


def _same_row(new: sa.FromClause) -> sa.ColumnElement[bool]:
    """Date and names agree, and the leagues, where both are known: the old loader left a practice's league open."""
    league = sa.func.coalesce(schedule.c.league_id, new.c.league_id, 0)
    return same_key(schedule, new, SCHEDULE_KEY[:3]) & (
        league == sa.func.coalesce(new.c.league_id, schedule.c.league_id, 0)
    )


def _at_its_time(connection: sa.Connection, new: sa.FromClause) -> sa.ColumnElement[bool]:
    """Of teams that meet twice on a day the time agrees; not asked where none do, as it is asked of each row."""
    if connection.execute(sa.select(doubles.c.index).limit(1)).first() is None:
        return sa.true()
    return ~is_double(new) | (schedule.c.match_time == new.c.match_time)


HAS_TRIGGERS = sa.text("""
select exists (select from pg_trigger where not tgisinternal and (tgrelid = to_regclass(:name)
  or tgrelid in (select relid from pg_partition_tree(to_regclass(:name)))))
""")
"""Whether triggers, other than those of constraints, may change or drop what is written to a table."""


def _all_inserted(connection: sa.Connection, planned: int, inserted: int) -> bool:
    """Whether every planned row was inserted, and stands there, as no trigger comes between."""
    return inserted == planned and not connection.scalar(HAS_TRIGGERS, {"name": f"public.{schedule.name}"})


def _present(connection: sa.Connection) -> int:
    """How many planned rows stand in `schedule` now, by date, names and league."""
    plan, league = fixture_plan, sa.func.coalesce(schedule.c.league_id, 0)
    named = same_key(schedule, plan, SCHEDULE_KEY[:3]) & (sa.func.coalesce(plan.c.league_id, league) == league)
    named &= _at_its_time(connection, plan)
    rows = sa.select(sa.func.count()).select_from(plan)
    return int(connection.execute(rows.where(sa.exists().where(named))).scalar_one())


def _resolved() -> sa.Select[Any]:
    """Staged rows with the ids that their names stand for."""
    staged, matchup = staged_fixtures, resolved_matchups()
    return sa.select(
        *staged.c["index", "match_date", "match_time", "home_team", "away_team", "location", "kind"],
        *matchup.c["home_team_id", "away_team_id", "league_id"],
    ).join(matchup, is_matchup_of(matchup, staged))


SCHEDULES = FeedKind(
    name="schedules",
    place=30,
    schema=SCHEDULE_SCHEMA,
    stage=staged_fixtures,
    publish=publish_fixtures,
    tables=(schedule,),
    domains=("schedule",),
    key=STAGED_KEY,
    day="match_date",
    lasting=("home_team_id", "away_team_id", "match_date", "match_time", "location"),
    signs=fixture_signs,
)
