"""Repairs with the settings of this process: under the importer's lock, behind a snapshot."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from checks.engine.rules import Rules
from checks.repairs import Attempt, Means, Plan, apply, auto_fix, fixable_in_order, plan
from etl.importing.lock import importer_lock
from etl.repairs import Repair, State, ledger
from etl.repairs.undo import undo
from etl.snapshots import Snapshot, create
from flows.checking import moment, rules_of, today_here
from flows.database import open_engine
from flows.settings import Settings

WAIT = 10.0
"""Seconds that a repair waits for an import, or another repair, to end."""


def snapshots_of(settings: Settings) -> Path:
    """Where snapshots are kept."""
    return settings.snapshots or settings.data / "snapshots"


def snapshot_before(engine: Engine, settings: Settings, what: str) -> Snapshot:
    """Take the snapshot that stands before anything dangerous."""
    return create(engine, snapshots_of(settings), f"before {what}", getpass.getuser(), automatic=True)


@contextmanager
def means(engine: Engine, feeds: Sequence[Path] = (), *, wait: float = WAIT) -> Iterator[Means]:
    """A transaction for one repair; no import and no other repair runs meanwhile."""
    with importer_lock(engine, wait=wait) as connection:
        yield Means(connection, moment(None), today_here(), tuple(feeds))


def plan_repairs(
    engine: Engine,
    rules: Rules,
    names: Sequence[str] = (),
    feeds: Sequence[Path] = (),
    *,
    show: int | None = 10,
    wait: float = WAIT,
) -> tuple[Plan, ...]:
    """Plan the repair of some rules, or of all that have a fix; the plans are kept, their changes are not."""
    wanted = names or [check.name for check in fixable_in_order(rules)]
    plans = []
    for name in wanted:
        with means(engine, feeds, wait=wait) as own:
            plans.append(plan(rules, name, own, getpass.getuser(), show=show))
    return tuple(plans)


def apply_plan(
    engine: Engine, settings: Settings, number: int, *, snapshot: bool = True, who: str = "", wait: float = WAIT
) -> Repair:
    """Make the repair of a plan, behind a snapshot unless told otherwise; one that is applied already stays so.

    The ledger keeps `who` wanted it, without a name the user of this process.
    """
    with engine.begin() as connection:
        known = ledger.find(connection, number)
    taken = None
    if snapshot and known.state is State.PLANNED and not known.proposal:
        taken = snapshot_before(engine, settings, f"fix {number} of {known.rule}").name
    with means(engine, wait=wait) as own:
        return apply(rules_of(settings), number, own, who or getpass.getuser(), snapshot=taken)


def undo_repair(engine: Engine, number: int) -> Repair:
    """Take a repair back."""
    with importer_lock(engine, wait=WAIT) as connection:
        return undo(connection, number, getpass.getuser())


def fix_what_is_allowed(settings: Settings) -> tuple[Attempt, ...]:
    """Make the repairs that RALLY_AUTO_FIX allows by rule and size: each behind a snapshot, in its own transaction."""
    if not settings.auto_fix:
        return ()
    with open_engine(settings, application="rally-health auto fix") as engine:

        def secured(planned: Repair) -> str:
            return snapshot_before(engine, settings, f"fix {planned.id} of {planned.rule}").name

        return auto_fix(rules_of(settings), settings.auto_fix, lambda: means(engine), secured)
