"""The domain imports: feeds come in time and whole, and what comes in is read, linked and published.

Rules ask whether imports run and succeed, whether the rows of the latest publication of each feed arrived, and whether
the ground is in order that imports stand on: constraints, confirmed names, links.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from checks import Bad, Row, Severity, check, metric_check, row_check
from checks.rules.thresholds import (
    ANY,
    FEW,
    IMPORT_FAILURES,
    NEVER,
    NIGHTLY,
    NULL_IDS,
    PATCHY,
    REJECTS,
    VALIDATION_COVERAGE,
)
from checks.rules.words import PUBLISHED, SUCCESS, feeds_of, latest_feeds
from etl.adoption.adopt import BY_DEFAULT
from etl.tables import (
    additions,
    import_feeds,
    import_parts,
    import_stops,
    leagues,
    links,
    match_scores,
    rejects,
    schedule,
    team_aliases,
    teams,
)

RUNNING = "running"
HELD = "held"
MONTH = timedelta(days=30)
SEASON = timedelta(days=240)
"""A feed that has not come for so long is over; `enabled = false` for its league says so earlier."""
TWO_NIGHTS = timedelta(hours=50)
STUCK = timedelta(hours=6)
NIGHT = timedelta(hours=20)
"""A part that has been held for so long was not freed by the next night's feed."""
SLOWER = 3
SLOW_BY = 10
"""Seconds: a feed of one second may well take three."""
COMPARED, FEWEST = 14, 5


@metric_check(import_feeds, severity=Severity.HIGH, threshold=NIGHTLY, owner="imports", tags={"hourly", "daily"},
              runbook="docs/RUNBOOKS.md#imports-that-do-not-run")  # fmt: skip
def hours_since_successful_import(row: Row, now: datetime) -> sa.ColumnElement[Any]:
    """No feed was imported for too long; a feed that was read and had not changed counts as imported."""
    last = sa.func.max(row.finished_at).filter(row.outcome.in_(SUCCESS), row.finished_at <= now)
    return sa.cast(sa.cast(sa.literal(now), sa.DateTime(timezone=True)) - last, sa.Interval)


@check(severity=Severity.MEDIUM, threshold=FEW, table=import_feeds, owner="imports", tags={"hourly", "daily"},
       runbook="docs/RUNBOOKS.md#imports-that-do-not-run", can_be_empty=True,
       coach="A feed has not come for two nights")  # fmt: skip
def overdue_feed(now: datetime) -> Bad:
    """A feed that was imported this season has not been for two nights; it stays overdue until it comes again."""
    last = sa.func.max(import_feeds.c.finished_at)
    whole = (import_feeds.c.outcome.in_(SUCCESS), import_feeds.c.partial.is_(False))
    alive = feeds_of().where(*whole).having(last > now - SEASON)
    overdue = alive.add_columns(last.label("last_import")).having(last < now - TWO_NIGHTS)
    return Bad(overdue, among=alive)


@row_check(import_feeds, severity=Severity.HIGH, threshold=IMPORT_FAILURES, owner="imports", tags={"daily"},
           runbook="docs/RUNBOOKS.md#imports-that-fail", can_be_empty=True, coach="A feed was refused")  # fmt: skip
def failed_import(row: Row, now: datetime) -> Bad:
    """A feed of the last 30 days was blocked or failed."""
    recent = (row.started_at > now - MONTH) & (row.started_at <= now)
    return Bad(row.outcome.not_in(SUCCESS), among=recent & (row.outcome != RUNNING))


@check(severity=Severity.MEDIUM, threshold=FEW, table=import_parts, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#held-parts", can_be_empty=True, coach="A feed is held since yesterday")  # fmt: skip
def part_left_held(now: datetime) -> Bad:
    """A league's feeds of a kind have been held since yesterday: what they say is not in the tables.

    Newer data frees a part, or what it lacks: standings, a confirmed name, a correction, a person who lets it pass.
    """
    part = import_parts.c
    feeds = sa.select(part.kind, part.league).group_by(part.kind, part.league)
    waiting = (part.outcome == HELD, part.closed_at.is_(None), part.at < now - NIGHT)
    held = feeds.add_columns(sa.func.min(part.at).label("held_since")).where(*waiting)
    return Bad(held, among=feeds.where(part.at <= now))


@row_check(import_feeds, severity=Severity.MEDIUM, threshold=NEVER, owner="imports", tags={"hourly", "daily"},
           runbook="docs/RUNBOOKS.md#imports-that-do-not-end", coach="An import has not ended")  # fmt: skip
def import_without_end(row: Row, now: datetime) -> sa.ColumnElement[bool]:
    """An import began hours ago and has not ended: it hangs, or was killed."""
    return (row.outcome == RUNNING) & (row.started_at < now - STUCK)


@row_check(import_stops, severity=Severity.HIGH, threshold=NEVER, owner="imports", tags={"hourly", "daily"},
           runbook="docs/RUNBOOKS.md#imports-that-do-not-run")  # fmt: skip
def imports_stopped(row: Row) -> Bad:
    """Imports have stopped by themselves, and nobody has resumed them: no night brings anything in."""
    return Bad(row.resumed_at.is_(None), among=row.automatic)


@check(severity=Severity.LOW, threshold=ANY, table=import_feeds, owner="imports", tags={"daily"},
       coach="An import was three times as slow as usual")  # fmt: skip
def slow_import() -> Bad:
    """The latest import of a feed took three times as long as its imports used to."""
    taken = _durations().subquery()
    earlier = taken.alias("earlier")
    usual = (
        sa.select(sa.func.percentile_cont(0.5).within_group(earlier.c.seconds))
        .where(earlier.c.kind == taken.c.kind, earlier.c.league == taken.c.league, earlier.c.age.between(2, COMPARED))
        .having(sa.func.count() >= FEWEST)
        .scalar_subquery()
    )
    latest = sa.select(taken.c.kind, taken.c.league, taken.c.seconds, usual.label("usual")).where(taken.c.age == 1)
    slow = (taken.c.seconds > SLOWER * usual) & (taken.c.seconds > usual + SLOW_BY)
    return Bad(latest.where(slow), among=sa.select(taken.c.kind, taken.c.league).where(taken.c.age == 1))


def _durations() -> sa.Select[Any]:
    """How long each publication of a feed took, the latest with the age 1."""
    feed = import_feeds.c
    age = sa.func.row_number().over(partition_by=(feed.kind, feed.league), order_by=feed.id.desc()).label("age")
    return sa.select(
        feed.kind, feed.league, sa.extract("epoch", feed.finished_at - feed.started_at).label("seconds"), age
    ).where(feed.outcome == PUBLISHED, feed.partial.is_(False), feed.finished_at.is_not(None))


EARLIER_FEEDS, FEWEST_EARLIER = 14, 3
SMALLEST = 0.8
"""A feed with less than this share of its usual rows has lost some."""
PATIENCE = timedelta(days=7)


@metric_check(import_feeds, severity=Severity.HIGH, threshold=REJECTS, owner="imports", tags={"daily"},
              runbook="docs/RUNBOOKS.md#rejected-rows")  # fmt: skip
def share_of_rejected_rows(row: Row) -> sa.ColumnElement[Any]:
    """Too many rows of the latest feeds were refused as unreadable."""
    return _share_of_latest(("rejects",), ("rows",))


@metric_check(import_feeds, severity=Severity.HIGH, threshold=NULL_IDS, owner="imports", tags={"daily"},
              runbook="docs/RUNBOOKS.md#matches-without-team-ids")  # fmt: skip
def share_of_unlinked_sides(row: Row) -> sa.ColumnElement[Any]:
    """Too many team names of the latest feeds could not be linked to a team."""
    return _share_of_latest(("unlinked",), ("linked", "unlinked"))


@metric_check(import_feeds, severity=Severity.HIGH, threshold=VALIDATION_COVERAGE, owner="imports", tags={"daily"})
def validation_coverage(row: Row) -> sa.ColumnElement[Any]:
    """Some rows of the latest feeds were neither accepted nor refused: nobody has looked at them."""
    return _share_of_latest(("records", "rejects"), ("rows",))


@check(severity=Severity.HIGH, threshold=FEW, table=import_feeds, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#feeds-that-shrink", coach="A feed has lost a fifth of its rows")  # fmt: skip
def feed_volume_drop() -> Bad:
    """The latest publication of a feed has a fifth fewer rows than its publications used to have."""
    feed = import_feeds.c
    age = sa.func.row_number().over(partition_by=(feed.kind, feed.league), order_by=feed.id.desc()).label("age")
    whole = (feed.outcome == PUBLISHED, feed.partial.is_(False))
    sizes = sa.select(feed.kind, feed.league, feed.rows, age).where(*whole).subquery()
    median = sa.func.percentile_cont(0.5).within_group(sizes.c.rows)
    past = sizes.c.age.between(2, EARLIER_FEEDS)
    usual = median.filter(past)
    latest = sa.func.max(sizes.c.rows).filter(sizes.c.age == 1)
    by_feed = sa.select(sizes.c.kind, sizes.c.league).group_by(sizes.c.kind, sizes.c.league)
    comparable = by_feed.having(sa.func.count().filter(past) >= FEWEST_EARLIER)
    shrunk = comparable.add_columns(latest.label("rows"), usual.label("usual")).having(latest < SMALLEST * usual)
    return Bad(shrunk, among=comparable)


@check(severity=Severity.LOW, threshold=ANY, table=import_feeds, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#schema-drift", coach="A feed has changed its form")  # fmt: skip
def schema_drift() -> Bad:
    """The rows of a feed's latest publication have keys that nobody knows, or lack some that they should have."""
    feed = latest_feeds().subquery()
    feeds = sa.select(feed.c.kind, feed.c.league)
    return Bad(feeds.add_columns(feed.c.drift).where(sa.cast(feed.c.drift, sa.Text) != "{}"), among=feeds)


@check(severity=Severity.LOW, threshold=ANY, table=rejects, owner="imports", tags={"weekly"},
       runbook="docs/RUNBOOKS.md#rejected-rows", can_be_empty=True, coach="A refused row waits for a week")  # fmt: skip
def reject_left_waiting(now: datetime) -> Bad:
    """A refused row of a feed's latest publication has waited for a week, neither replayed nor settled."""
    feed, first = latest_feeds().subquery(), import_feeds.alias("first")
    earlier = rejects.alias("earlier")
    kept = sa.select(feed.c.kind, feed.c.league, rejects.c.feed_id, rejects.c.index).join(
        feed, feed.c.id == rejects.c.feed_id
    )
    # a feed that comes nightly brings the same row each night: it waits since the first of them
    same = (earlier.c.raw == rejects.c.raw, first.c.kind == feed.c.kind, first.c.league == feed.c.league)
    since = sa.select(sa.func.min(first.c.finished_at)).join(earlier, earlier.c.feed_id == first.c.id).where(*same)
    settled = since.where(earlier.c.settled_by.is_not(None)).scalar_subquery()
    waiting = rejects.c.resolved_at.is_(None) & (since.scalar_subquery() < now - PATIENCE) & settled.is_(None)
    return Bad(kept.where(waiting), among=kept)


def _share_of_latest(part: tuple[str, ...], whole: tuple[str, ...]) -> sa.ColumnElement[Any]:
    """The share over the latest publication of each feed; NULL without rows."""
    last = latest_feeds().subquery()
    some, every = (sa.func.sum(sum((last.c[n] for n in names[1:]), start=last.c[names[0]])) for names in (part, whole))
    # an aggregate of the one value, since a metric is one row also where it shares its table's scan with nobody
    return sa.func.max(sa.select(some * 1.0 / sa.func.nullif(every, 0)).scalar_subquery())


GUARDED: tuple[sa.Table, ...] = (schedule, teams, match_scores)
"""Tables whose constraints keep imports from doing harm; their names are ours."""
GUARDED_COLUMNS = {
    "pg_constraint": ("conname", "conrelid", "convalidated"),
    "pg_index": ("indexrelid", "indrelid", "indisunique", "indisvalid", "indpred"),
    "pg_attribute": ("attrelid", "attname"),
}
CONSTRAINTS, INDEXES, ATTRIBUTES = (
    sa.table(name, *map(sa.column, names), schema="pg_catalog") for name, names in GUARDED_COLUMNS.items()
)


@check(severity=Severity.HIGH, threshold=NEVER, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#missing-constraints", coach="A safeguard of the tables is missing")  # fmt: skip
def missing_constraint() -> Bad:
    """A constraint that protects the schedule, the teams or the results is missing, or was never validated.

    On an adopted database only what `init` has put into force counts, and the unique key that the import stands on.
    """
    wanted, key = _wanted(), _unique_keys().subquery()
    named = sa.select(wanted.c.table, wanted.c.constraint)
    columns = CONSTRAINTS.c
    of_table = columns.conrelid == sa.func.to_regclass(wanted.c.table)
    in_force = sa.select(columns.conname).where(of_table, columns.conname == wanted.c.constraint, columns.convalidated)
    # an adopted database may have a unique key of ours under a name of its own
    same_key = (key.c.indrelid == sa.func.to_regclass(wanted.c.table)) & (key.c.columns == wanted.c.columns)
    as_good = sa.select(key.c.columns).where(same_key)
    there = sa.select(columns.conname).where(of_table, columns.conname == wanted.c.constraint)
    put = (additions.c.kind == "constraint") & (additions.c.name == wanted.c.constraint)
    expected = sa.or_(
        wanted.c.constraint.in_(BY_DEFAULT),
        sa.select(additions.c.id).where(put).exists(),
        there.exists(),
        as_good.exists(),
    )
    return Bad(named.where(expected, ~in_force.exists(), ~as_good.exists()), among=named.where(expected))


@row_check(links, severity=Severity.LOW, threshold=PATCHY, owner="imports", tags={"weekly"},
           runbook="docs/RUNBOOKS.md#matches-without-team-ids", coach="A team name is unknown")  # fmt: skip
def unresolved_team_name(row: Row) -> sa.ColumnElement[bool]:
    """A team name of a feed means no team, or more than one; somebody should confirm an alias."""
    return row.team_id.is_(None)


@check(severity=Severity.MEDIUM, threshold=NEVER, table=team_aliases, owner="imports", tags={"weekly"},
       can_be_empty=True)  # fmt: skip
def alias_into_another_league() -> Bad:
    """A confirmed name leads to a team of another league."""
    alias = team_aliases.c
    to_team = sa.select(alias.league, alias.series, alias.name).join(teams, teams.c.id == alias.team_id)
    to_league = to_team.join(leagues, leagues.c.id == teams.c.league_id)
    return Bad(to_league.where(leagues.c.league_id != alias.league), among=sa.select(alias.league))


def _wanted() -> sa.FromClause:
    """The CHECKs and unique keys that GUARDED declares; the columns of a unique key, sorted."""
    rows = [
        (f"public.{guarded.name}", str(constraint.name), _columns(constraint))
        for guarded in GUARDED
        for constraint in sorted(guarded.constraints, key=lambda one: str(one.name))
        if isinstance(constraint, sa.CheckConstraint | sa.UniqueConstraint)
    ]
    names = ("table", "constraint", "columns")
    return sa.values(*(sa.column(name, sa.String) for name in names), name="wanted").data(rows)


def _columns(constraint: sa.CheckConstraint | sa.UniqueConstraint) -> str:
    unique = isinstance(constraint, sa.UniqueConstraint)
    return ",".join(sorted(own.name for own in constraint.columns)) if unique else ""


def _unique_keys() -> sa.Select[Any]:
    """The columns of every unique index of the whole table, sorted, by table."""
    index, attribute = INDEXES.c, ATTRIBUTES.c
    name = sa.cast(attribute.attname, sa.Text)
    columns = sa.func.string_agg(name, aggregate_order_by(sa.literal(","), name.collate("C"))).label("columns")
    whole = index.indisunique & index.indisvalid & index.indpred.is_(None)
    joined = sa.select(index.indrelid, columns).join(ATTRIBUTES, attribute.attrelid == index.indexrelid)
    return joined.where(whole).group_by(index.indrelid, index.indexrelid)
