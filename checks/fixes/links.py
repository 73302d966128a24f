"""Fixes that link: rows to the teams that they name, and teams without a schedule to the feed that has one.

Nothing else of a feed is touched, and a name that could mean two teams is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Row as FetchedRow
from sqlalchemy.dialects.postgresql import JSONB

from checks import Row, fix
from checks.fixes.rows import ids, one_row_of_each_fixture
from checks.rules import schedule as schedule_rules
from checks.rules.matches import result_of_unknown_team, result_without_teams
from checks.rules.words import in_use, is_match, leads_nowhere
from etl.repairs import Delete, Insert, RepairError, Step, Update
from etl.repairs.constraints import definitions
from etl.tables import import_feeds, is_bye_name, is_practice_name, leagues, match_scores, schedule, series, teams

if TYPE_CHECKING:
    from etl.feeds import Feed
    from etl.names.resolver import Resolver

# what reads feeds and resolves names is imported where a fix does so: every check collects the fixes, and makes none
COPIED_COLUMNS = {
    "match_date": sa.Date, "match_time": sa.Time, "home_team": sa.Text, "away_team": sa.Text, "location": sa.Text,
    "league_id": sa.Integer, "home_team_id": sa.Integer, "away_team_id": sa.Integer,
}  # fmt: skip


@fix(schedule_rules.team_without_schedule)
def import_schedules_of_teams(connection: sa.Connection, feeds: tuple[Path, ...]) -> Insert:
    """Import the matches of teams without a schedule from the feeds given, or the last published ones."""
    return matches_of(connection, feeds)


@fix(schedule_rules.gap_in_league_schedule)
def import_schedules_of_league(connection: sa.Connection, feeds: tuple[Path, ...]) -> Insert:
    """Import the matches of teams without a schedule from the feeds given, or the last published ones."""
    return matches_of(connection, feeds)


def matches_of(connection: sa.Connection, paths: Sequence[Path]) -> Insert:
    """The feeds' matches of all teams that have none, as far as the schedule lacks them."""
    from etl.importing.link import resolver  # noqa: PLC0415

    missing = set(connection.scalars(_teams_without()))
    league_ids = {row.league_id: row.id for row in connection.execute(sa.select(leagues.c.league_id, leagues.c.id))}
    feeds = _schedules(paths or _published(connection)) if missing else ()
    known = resolver(connection)
    rows = [row for feed in feeds for row in _rows(feed, known, league_ids) if {row[side] for side in _IDS} & missing]
    return Insert(schedule, _lacking(rows))


_IDS = ("home_team_id", "away_team_id")


def _teams_without() -> sa.Select[tuple[int]]:
    played = [
        sa.select(schedule.c[side]).where(schedule.c[side].is_not(None), is_match(Row(schedule))) for side in _IDS
    ]
    return sa.select(teams.c.id).where(in_use(Row(teams)), teams.c.id.not_in(played[0].union(played[1])))


def _published(connection: sa.Connection) -> list[Path]:
    """The schedules that were published last, one file for each league's feed, where they still are."""
    from etl.kinds.schedules import SCHEDULES  # noqa: PLC0415

    feed = import_feeds.c
    last = (
        sa.select(sa.func.max(feed.id)).where(feed.kind == SCHEDULES.name, feed.outcome == "published")
        .group_by(feed.league)
    )  # fmt: skip
    paths = [Path(path) for path in connection.scalars(sa.select(feed.path).where(feed.id.in_(last)).order_by(feed.id))]
    there = [path for path in paths if path.is_file()]
    if not there:
        raise RepairError("no schedule feed to import from; name one: rally-health fix plan RULE --feeds PATH")
    return there


def _schedules(paths: Sequence[Path]) -> list[Feed]:
    from etl.feeds import discover  # noqa: PLC0415
    from etl.kinds.schedules import SCHEDULES  # noqa: PLC0415

    feeds = [feed for feed in discover(paths)[0] if feed.kind is SCHEDULES]
    if not feeds:
        raise RepairError(f"no schedules.json below {', '.join(map(str, paths))}")
    return feeds


def _rows(feed: Feed, names: Resolver, league_ids: dict[str, int]) -> Iterator[dict[str, Any]]:
    from etl.kinds.schedules import Fixture  # noqa: PLC0415
    from etl.reading import extract  # noqa: PLC0415
    from etl.records.validate import validate  # noqa: PLC0415

    for record in validate(feed.kind.schema, extract(feed.path), feed.league):
        if isinstance(record, Fixture) and record.kind == "match" and record.league in league_ids:
            home, away = (
                names.resolve(record.league, record.series, name).team_id
                for name in (record.home_team, record.away_team)
            )
            yield {
                "match_date": str(record.match_date), "match_time": record.match_time and str(record.match_time),
                "home_team": record.home_team, "away_team": record.away_team, "location": record.location,
                "league_id": league_ids[record.league], "home_team_id": home, "away_team_id": away,
            }  # fmt: skip


def _lacking(rows: Iterable[dict[str, Any]]) -> sa.Select[Any]:
    """Rows that the schedule has neither under these names nor for these two teams; the last of several alike."""
    last = {(row["match_date"], row["home_team"], row["away_team"], row["league_id"]): row for row in rows}
    new = (
        sa.func.jsonb_to_recordset(sa.literal(list(last.values()), JSONB))
        .table_valued(*(sa.column(name, kind) for name, kind in COPIED_COLUMNS.items()), name="new")
        .render_derived(with_types=True)
    )
    day = schedule.c.match_date == new.c.match_date
    names = [schedule.c[name] == new.c[name] for name in ("home_team", "away_team", "league_id")]
    linked = [schedule.c[name] == new.c[name] for name in _IDS]
    lacking = sa.select(*new.c).where(~sa.exists().where(day, *names), ~sa.exists().where(day, *linked))
    return lacking.order_by(new.c.match_date, new.c.home_team, new.c.away_team)


HOME_AND_AWAY = ("home", "away")


@fix(schedule_rules.match_without_teams)
def link_matches(connection: sa.Connection) -> tuple[Step, ...]:
    """Link matches to the teams that their names mean; one that stands there under both names becomes one row."""
    return Update(schedule, linked(connection, schedule)), one_row_of_each_fixture()


@fix(schedule_rules.match_with_one_team)
def link_other_sides(connection: sa.Connection) -> tuple[Step, ...]:
    """Link the open side of matches to the team that its name means, in the series of the other side."""
    return Update(schedule, linked(connection, schedule)), one_row_of_each_fixture()


@fix(schedule_rules.match_of_unknown_team)
def link_orphaned_matches(connection: sa.Connection) -> tuple[Step, ...]:
    """Link matches of teams that are gone by their names; a side that means no team is left open.

    Where neither side means a team both are left open. A database with `schedule_team_id_not_null` in force can hold no
    such row: it is removed there, and an undo brings it back.
    """
    if ("public.schedule", "schedule_team_id_not_null") not in definitions(connection, ["schedule"]):
        return Update(schedule, linked(connection, schedule, orphaned=True, unlink=True)), one_row_of_each_fixture()
    lost = (leads_nowhere(schedule.c[f"{side}_team_id"], teams) for side in HOME_AND_AWAY)
    orphans = Delete(schedule, sa.select(schedule.c.id).where(*lost))
    return Update(schedule, linked(connection, schedule, orphaned=True)), orphans, one_row_of_each_fixture()


@fix(result_without_teams)
def link_results(connection: sa.Connection) -> Update:
    """Link results to the teams that their names mean."""
    return Update(match_scores, linked(connection, match_scores))


@fix(result_of_unknown_team)
def link_orphaned_results(connection: sa.Connection) -> Update:
    """Link results of teams that are gone by their names; a side that means no team is left open."""
    return Update(match_scores, linked(connection, match_scores, orphaned=True, unlink=True))


def linked(connection: sa.Connection, table: sa.Table, *, orphaned: bool = False, unlink: bool = False) -> Any:
    """Both team ids of each row that lacks one or has one that leads nowhere, found by name where they can be.

    With `orphaned`, only rows with ids that lead nowhere; with `unlink` they get none where neither name means a team.
    """
    from etl.importing.link import resolver  # noqa: PLC0415

    names = resolver(connection)
    dead = sa.or_(*(leads_nowhere(table.c[f"{side}_team_id"], teams) for side in HOME_AND_AWAY))
    rows = connection.execute(_open_rows(table).where(dead if orphaned else sa.true())).all()
    found = (new for row in rows for new in _linked(names, row, unlink=unlink))
    return ids(list(found), "id", "home_team_id", "away_team_id")


def _open_rows(table: sa.Table) -> Any:
    """Rows with a side that is linked to no team, or to one that is gone; each side with its team and series."""
    row = table.c
    sides = [(teams.alias(side), series.alias(f"{side}_series")) for side in HOME_AND_AWAY]
    source: Any = table.outerjoin(leagues, leagues.c.id == row.league_id)
    for side, (team, its_series) in zip(HOME_AND_AWAY, sides, strict=True):
        source = source.outerjoin(team, team.c.id == row[f"{side}_team_id"])
        source = source.outerjoin(its_series, its_series.c.id == team.c.series_id)
    (home, home_series), (away, away_series) = sides
    return (
        sa.select(
            row.id, leagues.c.league_id.label("league"), row.home_team, row.away_team, row.home_team_id,
            row.away_team_id, home.c.id.label("home"), away.c.id.label("away"),
            home_series.c.name.label("home_series"), away_series.c.name.label("away_series"),
        )
        .select_from(source)
        .where(
            sa.or_(home.c.id.is_(None), away.c.id.is_(None)),
            *(~is_bye_name(row[f"{side}_team"]) for side in HOME_AND_AWAY), ~is_practice_name(row.home_team),
        )
        .order_by(row.id)
    )  # fmt: skip


def _linked(known: Resolver, row: FetchedRow[Any], *, unlink: bool) -> Iterator[tuple[int, int | None, int | None]]:
    """The row with its teams; nothing where no team can be told, or one team would meet itself under two names."""
    home = row.home or _meant(known, row.league, row.away_series, row.home_team)
    away = row.away or _meant(known, row.league, row.home_series, row.away_team)
    if home is None and away is None and not unlink:
        return
    if home is not None and home == away and row.home_team != row.away_team:
        return
    if (home, away) != (row.home_team_id, row.away_team_id):
        yield row.id, home, away


def _meant(known: Resolver, league: str | None, in_series: str | None, name: str | None) -> int | None:
    return known.resolve(league, in_series, name).team_id if name else None
