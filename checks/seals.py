"""Seals of runs: a hash over a run, its results and the seal before, so that no run can be rewritten unseen.

Triggers refuse UPDATE and DELETE; who owns the tables can switch those off, but then the chain tells. The newest seal
stands in `history verify`: kept elsewhere, it also proves that no run was cut off at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, text

from etl.tables import check_results, check_runs, check_seals

COLUMNS = {"run": [*check_runs.c.keys()], "result": [*check_results.c.keys()]}
DIGEST = text("""
with there as (
    select relname, attname::text from pg_attribute join pg_class c on c.oid = attrelid
    where relnamespace = to_regnamespace('quality') and relname in ('check_runs', 'check_results')
), left_out as (
    select array(select attname from there where relname = 'check_runs'
                 and not cast(:columns as jsonb) -> 'run' ? attname) as of_run,
           array(select attname from there where relname = 'check_results'
                 and not cast(:columns as jsonb) -> 'result' ? attname) as of_result
)
select encode(sha256(convert_to(
    :previous
    || (to_jsonb(r) - of_run)::text
    || coalesce((select string_agg(one.line, chr(10) order by one.line) from (
            select (to_jsonb(c) - of_result)::text as line
            from quality.check_results c where c.run_id = r.id) one), ''),
    'UTF8')), 'hex')
from quality.check_runs r, left_out where r.id = cast(:run as uuid)
""")
BEGINNING = ""
GUARDS = {
    "check_runs": "append_only never_emptied",
    "check_results": "append_only never_emptied",
    "check_seals": "append_only never_emptied",
    "import_runs": "append_only closed_once never_emptied",
    "import_feeds": "append_only closed_once never_emptied",
    "import_parts": "append_only closed_once ended_once never_emptied",
    "waivers": "append_only closed_once never_emptied",
    "repairs": "append_only closed_once ended_once never_emptied",
}
"""The triggers of each table of history: without one of them it can be rewritten; only runs of checks are sealed."""
SWITCHED_ON = text("""
select relname, tgname from pg_trigger join pg_class c on c.oid = tgrelid
where relnamespace = to_regnamespace('quality') and tgenabled in ('O', 'A')
""")


@dataclass(frozen=True, slots=True)
class Verification:
    """What the chain of seals proves: `broken` names what was changed, `head` is the newest seal.

    `unguarded` are tables that nothing keeps from being rewritten, each with the triggers that are off or gone.
    """

    sealed: int
    unsealed: int
    head: str
    broken: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()


def seal_run(connection: Connection, run: str) -> str:
    """Seal a run behind the newest seal, in the transaction that writes it; one writer at a time."""
    newest = select(check_seals.c.seal).order_by(check_seals.c.number.desc()).limit(1)
    previous = connection.scalar(newest) or BEGINNING
    seal = _digest(connection, run, previous, COLUMNS) or ""
    values = {"run_id": run, "columns": COLUMNS, "previous": previous, "seal": seal}
    connection.execute(check_seals.insert().values(values))
    return seal


def verify_history(connection: Connection, newest: int | None = None) -> Verification:
    """Follow the chain of seals, and compute each seal anew, or those of the `newest` runs alone.

    Runs from before there were seals are counted; nothing is proved of them.
    """
    rows = connection.execute(select(check_seals).order_by(check_seals.c.number)).all()
    without = _unsealed(connection)
    first = connection.scalar(select(check_runs.c.started_at).join(check_seals).order_by(check_seals.c.number).limit(1))
    broken = (
        *_breaks(rows),
        *_rewritten(connection, rows[-newest:] if newest else rows),
        *(f"run {run}: its seal was removed, or it was added later" for run, at in without if first and at > first),
    )
    head = rows[-1].seal if rows else BEGINNING
    return Verification(len(rows), len(without), head, broken, tuple(_unguarded(connection)))


def _unguarded(connection: Connection) -> Iterator[str]:
    switched_on = set(map(tuple, connection.execute(SWITCHED_ON)))
    for table, names in GUARDS.items():
        if missing := [name for name in names.split() if (table, name) not in switched_on]:
            yield f"quality.{table} can be rewritten: its triggers {', '.join(missing)} are off or gone"


def _breaks(rows: Sequence[Row[Any]]) -> Iterator[str]:
    for before, row in zip((BEGINNING, *(row.seal for row in rows)), rows, strict=False):
        if row.previous != before:
            yield f"before run {row.run_id}: at least one run was removed"


def _rewritten(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[str]:
    for row in rows:
        if _digest(connection, row.run_id, row.previous, row.columns) != row.seal:
            yield f"run {row.run_id}: it, or a result of it, is not what was written"


def _digest(connection: Connection, run: str, previous: str, columns: dict[str, list[str]]) -> str | None:
    given = {"run": run, "previous": previous, "columns": json.dumps(columns)}
    seal: str | None = connection.scalar(DIGEST, given)
    return seal


def _unsealed(connection: Connection) -> list[tuple[str, datetime]]:
    own = select(check_runs.c.id, check_runs.c.started_at).join(check_seals, isouter=True)
    rows = connection.execute(own.where(check_seals.c.number.is_(None)).order_by(check_runs.c.started_at))
    return [(row.id, row.started_at) for row in rows]
