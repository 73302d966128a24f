"""What the table that is written to allows, read from the catalogue: any constraint, also one that was added yesterday.

Planned rows are compared, as sets, with every NOT NULL, CHECK and unique key before they are written. A row that meets
one is a reject that names the constraint, its columns and the row in the way; all others are published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from etl.importing.feed_rows import Intake, as_read
from etl.importing.profile import ChangePlan, PlanLook, look_at
from etl.importing.provenance import claim
from etl.importing.staging import drop_unchanged, sorting_in_memory, update_planned
from etl.records import Reject
from etl.records.feed_schema import FeedSchema
from etl.records.validate import batched

TARGET_COLUMNS = sa.text("""
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
  case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as value,
  a.attidentity <> '' or a.attgenerated <> '' or d.adbin is not null as filled
from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = to_regclass(:name) and a.attnum > 0 and not a.attisdropped order by a.attnum
""")
CHECKS = sa.text("""
select conname as name, pg_get_expr(conbin, conrelid) as condition from pg_constraint
where conrelid = to_regclass(:name) and contype = 'c' order by conname
""")
# before PostgreSQL 15 there is no column for NULLS NOT DISTINCT
KEYS = sa.text("""
select c.relname as name, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) as nulls_equal,
  pg_get_expr(i.indpred, i.indrelid) as condition,
  array(select pg_get_indexdef(i.indexrelid, k, true) from generate_series(1, i.indnkeyatts) k) as parts
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = to_regclass(:name) and i.indisunique and not i.indisprimary and i.indislive order by c.relname
""")
WHOLE = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
"""Types of whole numbers, and what they end below."""
LIMITED = re.compile(r"(numeric|character varying|character)\((\d+),?(\d+)?\)")
SEQUENCE = "nextval("
WORDS = re.compile(r"\w+")
_BATCH = 500


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column: its type and default as PostgreSQL writes them, and whether an INSERT has to give it."""

    name: str
    type: str
    default: str | None
    required: bool
    must_be_given: bool

    @property
    def is_text(self) -> bool:
        """Whether it holds texts, of which an empty one says as much as none."""
        return self.type.startswith(("text", "character"))

    @property
    def size(self) -> tuple[int, int] | None:
        """How many digits or letters it holds, and how many of them behind the point; None where there is no limit."""
        limited = LIMITED.fullmatch(self.type)
        return (int(limited.group(2)), int(limited.group(3) or 0)) if limited else None

    def misfits(self, value: sa.ColumnElement[Any]) -> sa.ColumnElement[bool] | None:
        """Whether a value is too large or too long for it, or has a fraction that it lacks; None if it holds all."""
        if self.type in WHOLE and not isinstance(value.type, sa.Integer):
            return (value != sa.func.trunc(value)) | ~value.between(-WHOLE[self.type], WHOLE[self.type] - 1)
        if self.size is None:
            return None
        digits, scale = self.size
        if self.is_text:
            return sa.func.char_length(value) > digits
        return sa.func.abs(sa.func.round(value, scale)) >= sa.literal(10 ** (digits - scale), sa.Numeric)


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A unique constraint or index: what it compares, columns or expressions, and for which rows."""

    name: str
    parts: tuple[str, ...]
    condition: str | None
    nulls_equal: bool

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.parts)})"


@dataclass(frozen=True, slots=True)
class Target:
    """A table as the database has it."""

    table: sa.TableClause
    columns: Mapping[str, TargetColumn]
    checks: Mapping[str, str]
    keys: tuple[UniqueKey, ...]

    def present(self, names: Iterable[str], untold: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Those of the columns that the table has, without those that the feed says nothing of."""
        return tuple(name for name in names if name in self.columns and name not in untold)

    def given(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row for this table: without columns that it lacks."""
        return {name: value for name, value in row.items() if name in self.columns}


def read_target(connection: sa.Connection, table: sa.Table) -> Target:
    """The table's columns, CHECKs and unique keys of now; its primary key is left to the sequence that gives it."""
    name = {"name": f"public.{table.name}"}
    columns = {
        row.name: TargetColumn(
            row.name, row.type, row.value if SEQUENCE not in (row.value or "") else None, row.required,
            row.required and not row.filled,
        )
        for row in connection.execute(TARGET_COLUMNS, name)
    }  # fmt: skip
    checks = {row.name: row.condition for row in connection.execute(CHECKS, name)}
    keys = (
        UniqueKey(row.name, tuple(row.parts), row.condition, row.nulls_equal) for row in connection.execute(KEYS, name)
    )
    return Target(sa.table(table.name, *map(sa.column, columns)), columns, checks, tuple(keys))


def keep_empty(connection: sa.Connection, target: Target, plan: sa.Table, names: Sequence[str]) -> None:
    """Keep what stands in the table where the feed says nothing: NULL in these columns of the plan is no news."""
    stored = target.table.alias("stored")
    values = {name: sa.func.coalesce(plan.c[name], stored.c[name]) for name in names}
    if values:
        connection.execute(sa.update(plan).where(plan.c.target_id == stored.c.id).values(values))


def keep_stored(connection: sa.Connection, target: Target, plan: sa.Table, names: Sequence[str]) -> None:
    """Keep what stands in these columns of the table, where something does."""
    stored = target.table.alias("stored")
    values = {name: sa.func.coalesce(stored.c[name], plan.c[name]) for name in names}
    connection.execute(sa.update(plan).where(plan.c.target_id == stored.c.id).values(values))


def keep_untold(connection: sa.Connection, target: Target, plan: sa.Table, figures: Sequence[str]) -> None:
    """Keep figures that a league never tells: those that are 0 in all of its rows, while others are not.

    CITA's standings have no points, which stand there as 0; the platform computes them.
    """
    leagues = [plan.c.league_id, *(_told(plan.c[name]).label(name) for name in figures)]
    for league, *told in connection.execute(sa.select(*leagues).group_by(plan.c.league_id)).all():
        silent = [name for name, known in zip(figures, told, strict=True) if not known]
        if any(told) and silent:
            stored = target.table.alias("stored")
            values = {name: sa.func.coalesce(stored.c[name], plan.c[name]) for name in silent}
            of_league = plan.c.league_id.is_not_distinct_from(league)
            connection.execute(sa.update(plan).where(plan.c.target_id == stored.c.id, of_league).values(values))


def _told(figure: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(sa.func.bool_or(figure != 0), sa.false())


def fill_required(connection: sa.Connection, target: Target, plan: sa.Table, values: Mapping[str, Any]) -> None:
    """Give planned rows what the platform puts into columns that must not be empty, such as '' for a missing name."""
    for name, value in values.items():
        if name in target.columns and target.columns[name].required:
            connection.execute(sa.update(plan).where(plan.c[name].is_(None)).values({name: value}))


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """How many planned rows were new, differed from what stood there, and stood there as they are."""

    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a plan to its target, and keeps what the target refuses as rejects.

    `stage` and `schema` give back the feed's row of a planned one; `ours` are unique keys that the plan keeps anyway.
    `series`, `sides`, `figures` and `day` are handed to guards, and how many planned rows each condition of `counting`
    holds for; see ChangePlan.
    """

    target: Target
    plan: sa.Table
    columns: Sequence[str]
    stage: sa.Table
    schema: FeedSchema
    intake: Intake
    ours: frozenset[tuple[str, ...]] = frozenset()
    series: sa.Select[Any] | None = None
    sides: tuple[int, int] = (0, 0)
    figures: Sequence[str] = ()
    day: str = ""
    counting: Mapping[str, sa.ColumnElement[bool]] = field(default_factory=dict)

    def review(self, connection: sa.Connection, look: PlanLook, unchanged: int) -> None:
        """Let guards judge what is about to be written; `unchanged` rows are not in the plan."""
        self.intake.review(connection, ChangePlan(
            target=self.target.table, plan=self.plan, look=look, staged=self.stage, columns=self.columns,
            unchanged=unchanged, series=sa.select(sa.null()) if self.series is None else self.series,
            sides=self.sides, figures=self.figures, day=self.day,
        ))  # fmt: skip

    def write(self, connection: sa.Connection, order: Sequence[str]) -> WriteCounts:
        """Write what differs and what is new, sorted by `order`; rows that are matched are the feed's from now on."""
        claim(connection, self.target.table.name, sa.select(sa.func.abs(self.plan.c.target_id).label("id")))
        self.settle(connection)
        unchanged = drop_unchanged(connection, self.target.table, self.plan, self.columns)
        look = self.look(connection)
        self.review(connection, look, unchanged)
        self.refuse(connection, look)
        updated = self.update(connection)
        return WriteCounts(inserted=self.insert(connection, order), updated=updated, unchanged=unchanged)

    def look(self, connection: sa.Connection) -> PlanLook:
        """Count the planned rows; refused are those with a value that does not fit, without one, or against a CHECK."""
        checks, empty = self.target.checks.values(), (bad for *_, bad in self._forbidden())
        wrong = sa.or_(sa.false(), *self._misfits().values(), *empty)
        new = self._candidates(*checks, is_wrong=wrong, **self.counting)
        broken = (sa.not_(sa.literal_column(f"({check})", sa.Boolean)) for check in checks)
        return look_at(connection, new, sa.or_(new.c.is_wrong, *broken), self.counting)

    def settle(self, connection: sa.Connection) -> None:
        """Let planned values be as the table would have them: none too large, rounded, '' where it has that."""
        self.refuse_misfits(connection)
        plan, stored = self.plan, self.target.table.alias("stored")
        columns = {name: self.target.columns[name] for name in self.columns}
        scales = {name: column.size[1] for name, column in columns.items() if column.size and not column.is_text}
        coarse = (name for name, scale in scales.items() if scale < (getattr(plan.c[name].type, "scale", 0) or 0))
        if rounded := {name: sa.func.round(plan.c[name], scales[name]) for name in coarse}:
            connection.execute(sa.update(plan).values(rounded))
        blank = {name: plan.c[name].is_(None) & (stored.c[name] == "") for name, own in columns.items() if own.is_text}
        if blank:
            values = {name: sa.case((nothing, ""), else_=plan.c[name]) for name, nothing in blank.items()}
            connection.execute(
                sa.update(plan).where(plan.c.target_id == stored.c.id, sa.or_(*blank.values())).values(values)
            )

    def refuse_misfits(self, connection: sa.Connection) -> None:
        """Take planned rows out that have a value which its column cannot hold."""
        index, misfits = self.plan.c.index, self._misfits()
        bad = sa.select(index).where(sa.or_(sa.false(), *misfits.values())).limit(1)
        for name, misfit in misfits.items() if connection.execute(bad).first() else ():
            reason = f"{self.target.table.name}.{name} is {self.target.columns[name].type} and cannot hold this value"
            self._keep(connection, dict.fromkeys(connection.scalars(sa.select(index).where(misfit)), reason), name)

    def refuse(self, connection: sa.Connection, look: PlanLook) -> None:
        """Take planned rows out that a type, NOT NULL, a CHECK, a row of the table or another of the plan forbids."""
        if look.refused:
            self._refuse_values(connection)
        for key in self._keys():
            self._refuse(connection, key, _twice(self._keyed(key), key), "row {} of the feed")
            self._refuse(connection, key, self._held(key, moving=False), "row {} of the table")

    def _refuse_values(self, connection: sa.Connection) -> None:
        self.refuse_misfits(connection)
        for reason, name, empty in self._forbidden():
            rows = connection.scalars(sa.select(self.plan.c.index).where(empty))
            self._keep(connection, dict.fromkeys(rows, f"{reason}, and is empty"), name)
        for name, condition in self.target.checks.items():
            new = self._candidates(condition)
            bad = sa.select(new.c.index).where(sa.not_(sa.literal_column(f"({condition})", sa.Boolean)))
            reason = f"{self.target.table.name} does not take the row: CHECK {name} {condition}"
            self._keep(connection, dict.fromkeys(connection.scalars(bad), reason))

    def _misfits(self) -> dict[str, sa.ColumnElement[bool]]:
        asked = {name: self.target.columns[name].misfits(self.plan.c[name]) for name in self.columns}
        return {name: misfit for name, misfit in asked.items() if misfit is not None}

    def update(self, connection: sa.Connection) -> int:
        """Write over rows that stand in the table, and return how many.

        A row whose key is about to become free waits for that, as rows do that move up one after another; rows that
        would change places are kept as rejects.
        """
        updated, keys = 0, self._keys()
        while any(connection.execute(self._held(key, moving=True).limit(1)).first() for key in keys):
            waiting = (sa.select(self._held(key, moving=True).subquery().c.index) for key in keys)
            moved = self._update_free(connection, ~sa.or_(*(self.plan.c.index.in_(index) for index in waiting)))
            updated += moved
            for key in keys:  # what waited may wait for a row that stays
                self._refuse(connection, key, self._held(key, moving=not moved), "row {} of the table")
        return updated + update_planned(connection, self.target.table, self.plan, self.columns)

    def insert(self, connection: sa.Connection, order: Sequence[str]) -> int:
        """Insert the planned rows that replace none, and return how many; they are a feed's now.

        Sorted by `order`, for unsorted writers deadlock: those that load one feed keep to its order.
        """
        new = sa.select(*(self.plan.c[name] for name in self.columns)).where(self.plan.c.target_id.is_(None))
        rows, there = new.order_by(*(self.plan.c[name] for name in order)), self.target.table
        inserted = sa.insert(there).from_select(list(self.columns), rows).returning(there.c.id)
        with sorting_in_memory(connection):
            return claim(connection, there.name, inserted)

    def _keys(self) -> list[UniqueKey]:
        return [key for key in self.target.keys if key.parts not in self.ours]

    def _forbidden(self) -> Iterator[tuple[str, str, sa.ColumnElement[bool]]]:
        for name, column in self.target.columns.items():
            plan = self.plan.c
            reason = f"{self.target.table.name}.{name} must not be empty (NOT NULL)"
            if column.required and name in self.columns:
                yield reason, name, plan[name].is_(None)
            elif column.must_be_given and name not in self.columns:
                yield reason, name, plan.target_id.is_(None)

    def _candidates(self, *expressions: str, **others: sa.ColumnElement[bool]) -> sa.Subquery:
        """Planned rows as they would stand in the table, with the columns that these expressions of it may name."""
        plan, said = self.plan, {*WORDS.findall(" ".join(expressions))}
        named = [column for name, column in self.target.columns.items() if said.issuperset(WORDS.findall(name))]
        stored = self.target.table.alias("was")
        values = (plan.c[own.name].label(own.name) if own.name in self.columns else _kept(plan, stored, own)
                  for own in named)  # fmt: skip
        every = sa.select(plan.c.index, plan.c.target_id, *values, *(more.label(name) for name, more in others.items()))
        if all(column.name in self.columns for column in named):
            return every.subquery(self.target.table.name)
        return every.outerjoin(stored, stored.c.id == plan.c.target_id).subquery(self.target.table.name)

    def _keyed(self, key: UniqueKey) -> sa.Subquery:
        new = self._candidates(*key.parts, key.condition or "")
        return _with_parts(sa.select(new.c.index, new.c.target_id), key).subquery("new")

    def _held(self, key: UniqueKey, *, moving: bool) -> sa.Select[Any]:
        """Planned rows whose key a row of the table has, by their index, and that row; one that is itself about to be
        written over with `moving`, one that stays without.
        """
        new, plan = self._keyed(key), self.plan.alias("moving")
        old = _with_parts(sa.select(self.target.table.c.id), key).subquery("old")
        leaves = sa.exists().where(plan.c.target_id == old.c.id)
        same = sa.and_(*(_equal(new.c[part], old.c[part], key) for part in _labels(key)))
        held = sa.select(new.c.index, old.c.id.label("other")).join(old, same)
        return held.where(old.c.id.is_distinct_from(sa.func.abs(new.c.target_id)), leaves if moving else ~leaves)

    def _update_free(self, connection: sa.Connection, free: sa.ColumnElement[bool]) -> int:
        """Write the rows that are free to go, and let the plan forget which row they replaced: they are done."""
        plan, there = self.plan, self.target.table
        values = {name: plan.c[name] for name in self.columns}
        statement = sa.update(there).where(there.c.id == plan.c.target_id, plan.c.target_id > 0, free).values(values)
        written = connection.scalars(statement.returning(there.c.id)).all()
        done = sa.update(plan).where(plan.c.target_id.in_(written)).values(target_id=-plan.c.target_id)
        connection.execute(done)
        return len(written)

    def _refuse(self, connection: sa.Connection, key: UniqueKey, pairs: sa.Select[Any], other: str) -> None:
        where = f"{self.target.table.name}: {key} is taken by {other}"
        rows = {index: where.format(other) for index, other in connection.execute(pairs)}
        self._keep(connection, rows, ", ".join(key.parts))

    def _keep(self, connection: sa.Connection, reasons: Mapping[int, str], field: str | None = None) -> None:
        """Keep planned rows as rejects, each with its reason, and take them out of the plan."""
        for batch in batched(reasons, _BATCH):
            rows = sa.select(self.stage.c.index, as_read(self.schema, self.stage)).where(self.stage.c.index.in_(batch))
            found = connection.execute(rows.order_by(self.stage.c.index)).all()
            self.intake.keep([Reject(index, reasons[index], field, raw) for index, raw in found])
            connection.execute(sa.delete(self.plan).where(self.plan.c.index.in_(batch)))


def _kept(plan: sa.Table, stored: sa.FromClause, column: TargetColumn) -> sa.ColumnElement[Any]:
    """The value of a column that is not written: what stands there, or the default."""
    default: sa.ColumnElement[Any] = sa.literal_column(f"({column.default or 'null'})::{column.type}")
    return sa.case((plan.c.target_id.is_(None), default), else_=stored.c[column.name]).label(column.name)


def _labels(key: UniqueKey) -> list[str]:
    return [f"part_{place}" for place in range(len(key.parts))]


def _with_parts(rows: sa.Select[Any], key: UniqueKey) -> sa.Select[Any]:
    """Rows with what the key compares, where it compares them."""
    parts = zip(_labels(key), key.parts, strict=True)
    keyed = rows.add_columns(*(sa.literal_column(f"({part})").label(label) for label, part in parts))
    if key.condition:
        keyed = keyed.where(sa.literal_column(f"({key.condition})", sa.Boolean))
    if not key.nulls_equal:
        keyed = keyed.where(*(sa.literal_column(f"({part})").is_not(None) for part in key.parts))
    return keyed


def _equal(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any], key: UniqueKey) -> sa.ColumnElement[bool]:
    return one.is_not_distinct_from(other) if key.nulls_equal else one == other


def _twice(new: sa.Subquery, key: UniqueKey) -> sa.Select[Any]:
    """Planned rows with the key of another, by their index, and that other: one that stands already, else the first."""
    parts = [new.c[part] for part in _labels(key)]
    order = (new.c.target_id.is_(None), new.c.index)
    place = sa.func.row_number().over(partition_by=parts, order_by=order).label("place")
    first = sa.func.first_value(new.c.index).over(partition_by=parts, order_by=order).label("other")
    numbered = sa.select(new.c.index, place, first).subquery()
    return sa.select(numbered.c.index, numbered.c.other).where(numbered.c.place > 1)
