"""`series_stats`: standings, published to `series_stats`, and the leagues, series, clubs and teams that they name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, NamedTuple

import sqlalchemy as sa

from etl.importing import Counts, staging
from etl.importing.ensure_dimensions import ensure_series, ensure_teams
from etl.importing.feed_rows import Intake
from etl.importing.figure_signs import standing_signs
from etl.importing.link import remember_refused
from etl.importing.provenance import keep_ours
from etl.importing.seasons import retire, turn_season
from etl.importing.staging import copied, drop_identical, ids, pair, same_key, temporary, texts, withdraw
from etl.importing.target import WriteCounts, Writer, keep_empty, keep_untold, read_target
from etl.kinds.kind import FeedKind
from etl.names.structure import series_key, words
from etl.records.feed_schema import FeedSchema, key
from etl.records.fields import Name, Number, Short, Text, Whole
from etl.tables import leagues, series_stats, teams


class Standing(NamedTuple):
    """One team's row in the standings of its series; CITA's figures are shifted by a column, and kept as scraped."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a record
    league: Annotated[str, key("league_id", "league", reads=Text)]
    series: Annotated[Name, key("series")]
    team: Annotated[Name, key("team")]
    points: Annotated[Number, key("points")]
    matches_won: Annotated[Whole, key("matches", part="won")]
    matches_lost: Annotated[Whole, key("matches", part="lost")]
    matches_tied: Annotated[Whole, key("matches", part="tied")]
    matches_percentage: Annotated[Short, key("matches", part="percentage")]
    lines_won: Annotated[Whole, key("lines", part="won")]
    lines_lost: Annotated[Whole, key("lines", part="lost")]
    lines_for: Annotated[Whole, key("lines", part="for")]
    lines_ret: Annotated[Whole, key("lines", part="ret")]
    lines_percentage: Annotated[Short, key("lines", part="percentage")]
    sets_won: Annotated[Whole, key("sets", part="won")]
    sets_lost: Annotated[Whole, key("sets", part="lost")]
    sets_percentage: Annotated[Short, key("sets", part="percentage")]
    games_won: Annotated[Whole, key("games", part="won")]
    games_lost: Annotated[Whole, key("games", part="lost")]
    games_percentage: Annotated[Short, key("games", part="percentage")]


STANDING_SCHEMA = FeedSchema(Standing)
staged_standings = staging.stage_table("stage_standings", Standing)
STANDING_COLUMNS = ("league_id", "series_id", "team_id", *staging.shared_columns(staged_standings, series_stats))
FIGURES = tuple(
    name for name in STANDING_COLUMNS if isinstance(series_stats.c[name].type, sa.Numeric | sa.Integer)
    and name not in {"league_id", "series_id", "team_id"}
)  # fmt: skip
GROWING = ("matches_won", "matches_lost", "points", "lines_won", "lines_lost", "sets_won", "sets_lost")
"""Figures that only ever grow within a season."""
STANDING_LIKENESSES = (("league_id", "said"), ("league_id", "team_id"))
"""A row of the table is one of the feed by what series and team say, however they are spelled, or by their team."""
standing_links = temporary(
    "stage_standing_links", *texts("league", "series", "team", "said"), *ids("series_id", "team_id")
)
standing_plan = temporary(
    "plan_standings", *ids("index", "target_id"), *texts("said"), *copied(series_stats, *STANDING_COLUMNS)
)
stored_standings = temporary("stored_standings", *ids("id"), *texts("said"))
gone_standings = temporary("gone_standings", *ids("id", "league_id", "team_id"), *texts("said"))


def publish_standings(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Write the staged standings; returns the figures that publishing adds.

    A row that repeats another in all of its figures is a duplicate. A team can stand in its series more than once with
    different ones (CITA keeps two sessions): the nth row of a team in the feed is its nth row in the table. Rows that
    vanished from the feed's leagues count as withdrawn, and go only with `prune`.
    """
    duplicates = drop_identical(connection, staged_standings)
    linked, unlinked = _link(connection, intake.feed_id)
    _plan(connection)
    _find_stored(connection)
    for keys in STANDING_LIKENESSES:
        pair(connection, standing_plan, gone_standings, keys)
    _keep_spelling(connection)
    keep_ours(connection, series_stats, gone_standings)
    written = _write(connection, intake)
    if intake.new_season and not intake.partial:
        _turn_season(connection)
    withdrawn = 0 if intake.partial else withdraw(connection, series_stats, gone_standings, prune=prune)
    return Counts(linked=linked, unlinked=unlinked, withdrawn=withdrawn, duplicates=duplicates, **asdict(written))


def _write(connection: sa.Connection, intake: Intake) -> WriteCounts:
    target = read_target(connection, series_stats)
    columns = target.present(STANDING_COLUMNS, STANDING_SCHEMA.untold(intake.drift.told))
    keep_empty(connection, target, standing_plan, target.present(("team_id", "series_id", *FIGURES)))
    keep_untold(connection, target, standing_plan, target.present(FIGURES))
    writer = Writer(target, standing_plan, columns, staged_standings, STANDING_SCHEMA, intake,
                    series=sa.select(standing_links.c.series_id), figures=GROWING)  # fmt: skip
    return writer.write(connection, ("index",))


def _link(connection: sa.Connection, feed_id: int) -> tuple[int, int]:
    """Stage the ids of each (league, series, team); returns how many rows have a team, and how many cannot."""
    staged, link = staged_standings.c, standing_links
    names = [tuple(row) for row in connection.execute(sa.select(staged.league, staged.series, staged.team).distinct())]
    series_ids = ensure_series(connection, (name[:2] for name in names))
    places = ensure_teams(connection, names, series_ids)
    remember_refused(connection, feed_id, places.refused)
    staging.create_staging(connection, link)
    rows = (
        {"league": name[0], "series": name[1], "team": name[2], "said": _said(name[1], name[2]),
         "series_id": series_ids[name[:2]], "team_id": places.ids.get(name)}
        for name in names
    )  # fmt: skip
    staging.load_rows(connection, link, rows)
    counts = sa.select(sa.func.count(link.c.team_id), sa.func.count()).select_from(_staged_with_links())
    found, every = connection.execute(counts).one()
    return int(found), int(every - found)


def _said(in_series: str | None, team: str | None) -> str:
    """What series and team say, in whatever spelling."""
    return f"{series_key(in_series or '')}|{' '.join(words(team or ''))}"


def _turn_season(connection: sa.Connection) -> None:
    """Retire the league's teams that the new season's standings do not have, and archive their standings, undoably."""
    league = connection.scalars(sa.select(staged_standings.c.league).limit(1)).one()
    league_id = sa.select(leagues.c.id).where(leagues.c.league_id == league).scalar_subquery()
    has = sa.select(standing_links.c.team_id).where(standing_links.c.team_id.is_not(None))
    left = sa.select(teams.c.id).where(
        teams.c.league_id == league_id, teams.c.is_active.is_not(False), teams.c.id.not_in(has)
    )
    strangers = sa.or_(series_stats.c.team_id.is_(None), series_stats.c.team_id.not_in(has))
    old = sa.select(series_stats.c.id).where(series_stats.c.league_id == league_id, strangers)
    if connection.execute(left.limit(1)).first() or connection.execute(old.limit(1)).first():
        turn_season(connection, league, retire(left, old), "teams of last season retired, their standings archived")


def _staged_with_links() -> sa.Join:
    names = ("league", "series", "team")
    return staged_standings.join(standing_links, same_key(standing_links, staged_standings, names))


def _plan(connection: sa.Connection) -> None:
    """Plan every staged row, as if all were new."""
    staged, link = staged_standings, standing_links.c
    values = {"league_id": leagues.c.id, "series_id": link.series_id, "team_id": link.team_id}
    columns = [values[name] if name in values else staged.c[name] for name in STANDING_COLUMNS]
    source = _staged_with_links().join(leagues, leagues.c.league_id == staged.c.league)
    staging.create_staging(connection, standing_plan)
    rows = sa.select(staged.c.index, link.said, *columns).select_from(source)
    connection.execute(sa.insert(standing_plan).from_select(["index", "said", *STANDING_COLUMNS], rows))


def _find_stored(connection: sa.Connection) -> None:
    """Stage the rows of the feed's leagues that stand in the table, with what they say."""
    there, of_feed = series_stats.c, sa.select(standing_plan.c.league_id)
    rows = connection.execute(sa.select(there.id, there.series, there.team).where(there.league_id.in_(of_feed)))
    staging.create_staging(connection, stored_standings, gone_standings)
    said = ({"id": row.id, "said": _said(row.series, row.team)} for row in rows)
    staging.load_rows(connection, stored_standings, said)
    stored = sa.select(there.id, there.league_id, there.team_id, stored_standings.c.said)
    stored = stored.join(stored_standings, stored_standings.c.id == there.id)
    connection.execute(sa.insert(gone_standings).from_select(["id", "league_id", "team_id", "said"], stored))


def _keep_spelling(connection: sa.Connection) -> None:
    """Leave series as they are spelled in the table, where both say the same."""
    plan, there, stored = standing_plan, series_stats, stored_standings
    same = (plan.c.target_id == there.c.id) & (stored.c.id == there.c.id)
    same &= sa.func.split_part(stored.c.said, "|", 1) == sa.func.split_part(plan.c.said, "|", 1)
    values = {"series": there.c.series, "series_id": sa.func.coalesce(there.c.series_id, plan.c.series_id)}
    connection.execute(sa.update(plan).where(same, there.c.series.is_not(None)).values(values))


SERIES_STATS = FeedKind(
    name="series_stats",
    place=10,
    schema=STANDING_SCHEMA,
    stage=staged_standings,
    publish=publish_standings,
    tables=(series_stats, teams),
    domains=("teams", "standings"),
    names_teams=True,
    # not points: platforms compute them themselves where a feed does not tell them
    figures=("matches_won", "matches_lost"),
    lasting=("series_id", "team_id"),
    signs=standing_signs,
)
