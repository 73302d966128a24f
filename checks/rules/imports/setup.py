"""Is the ground in order that imports stand on: constraints, confirmed names, links."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    FromClause,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    column,
    func,
    literal,
    select,
    table,
    values,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import NEVER, PATCHY
from etl.tables import leagues, links, match_scores, schedule, team_aliases, teams

GUARDED: tuple[Table, ...] = (schedule, teams, match_scores)
"""Tables whose constraints keep imports from doing harm; their names are ours."""
COLUMNS = {
    "pg_constraint": ("conname", "conrelid", "convalidated"),
    "pg_index": ("indexrelid", "indrelid", "indisunique", "indisvalid", "indpred"),
    "pg_attribute": ("attrelid", "attname"),
}
CONSTRAINTS, INDEXES, ATTRIBUTES = (
    table(name, *map(column, names), schema="pg_catalog") for name, names in COLUMNS.items()
)


@check(severity=Severity.HIGH, threshold=NEVER, owner="imports", tags={"daily"},
       runbook="docs/RUNBOOKS.md#missing-constraints")  # fmt: skip
def missing_constraint() -> Bad:
    """A constraint that protects the schedule, the teams or the results is missing, or was never validated."""
    wanted, key = _wanted(), _unique_keys().subquery()
    told = select(wanted.c.table, wanted.c.constraint)
    own = CONSTRAINTS.c
    of_table = own.conrelid == func.to_regclass(wanted.c.table)
    in_force = select(own.conname).where(of_table, own.conname == wanted.c.constraint, own.convalidated)
    # an adopted database may have a unique key of ours under a name of its own
    same_key = (key.c.indrelid == func.to_regclass(wanted.c.table)) & (key.c.columns == wanted.c.columns)
    as_good = select(key.c.columns).where(same_key)
    return Bad(told.where(~in_force.exists(), ~as_good.exists()), among=told)


@row_check(links, severity=Severity.LOW, threshold=PATCHY, owner="imports", tags={"weekly"},
           runbook="docs/RUNBOOKS.md#matches-without-team-ids")  # fmt: skip
def unresolved_team_name(row: Row) -> ColumnElement[bool]:
    """A team name of a feed means no team, or more than one; somebody should confirm an alias."""
    return row.team_id.is_(None)


@check(severity=Severity.MEDIUM, threshold=NEVER, table=team_aliases, owner="imports", tags={"weekly"})
def alias_into_another_league() -> Bad:
    """A confirmed name leads to a team of another league."""
    alias = team_aliases.c
    to_team = select(alias.league, alias.series, alias.name).join(teams, teams.c.id == alias.team_id)
    to_league = to_team.join(leagues, leagues.c.id == teams.c.league_id)
    return Bad(to_league.where(leagues.c.league_id != alias.league), among=select(alias.league))


def _wanted() -> FromClause:
    """The CHECKs and unique keys that GUARDED declares; the columns of a unique key, sorted."""
    rows = [
        (f"public.{guarded.name}", str(constraint.name), _columns(constraint))
        for guarded in GUARDED
        for constraint in sorted(guarded.constraints, key=lambda one: str(one.name))
        if isinstance(constraint, CheckConstraint | UniqueConstraint)
    ]
    names = ("table", "constraint", "columns")
    return values(*(column(name, String) for name in names), name="wanted").data(rows)


def _columns(constraint: CheckConstraint | UniqueConstraint) -> str:
    unique = isinstance(constraint, UniqueConstraint)
    return ",".join(sorted(own.name for own in constraint.columns)) if unique else ""


def _unique_keys() -> Select[Any]:
    """The columns of every unique index of the whole table, sorted, by table."""
    index, own = INDEXES.c, ATTRIBUTES.c
    name = cast(own.attname, Text)
    columns = func.string_agg(name, aggregate_order_by(literal(","), name.collate("C"))).label("columns")
    whole = index.indisunique & index.indisvalid & index.indpred.is_(None)
    joined = select(index.indrelid, columns).join(ATTRIBUTES, own.attrelid == index.indexrelid)
    return joined.where(whole).group_by(index.indrelid, index.indexrelid)
