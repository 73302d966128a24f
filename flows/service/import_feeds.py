"""One import, the same from a flow and from the command line; and a night: an import, then a check."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from checks.engine.reporting.report import Report
from checks.engine.run import Options as Checking
from checks.repairs.apply import Attempt
from etl.database import retried
from etl.feeds import Feed
from etl.importing import FeedResult, ImportReport, Outcome
from etl.importing.guards import WAYS_OUT, open_gate
from etl.importing.held import discard_part
from etl.importing.import_feed import import_feed
from etl.importing.import_run import import_paths, replay, retry_part
from etl.importing.options import Allowance, Options
from etl.kinds import KINDS, kind_named
from etl.migrate import require_platform
from flows.doors import Lineage, lineage_of, watched
from flows.service.catalogue import rules_of
from flows.service.context import Invocation, open_engine, today_here
from flows.service.ending import Ending, of_import, of_report
from flows.service.import_gate import TAG, after_import, rule_gate
from flows.service.requests import CheckRequest, ImportRequest, NightRequest, RequestError
from flows.service.stops import announce_stop, settle_crashes
from flows.settings import Settings, SettingsError


def import_all(invocation: Invocation, request: ImportRequest) -> ImportReport:
    """Import feeds into the database of the settings; each is published whole or not at all."""
    lineage = lineage_of(invocation.settings)
    with watched(invocation, "import") as run:
        report = _imported(run.invocation, request, lineage)
        run.reported(report)
    return report


def _imported(invocation: Invocation, request: ImportRequest, lineage: Lineage) -> ImportReport:
    settings, who = invocation.settings, getpass.getuser()
    options = replace(
        _declared(settings), force=request.force, dry_run=request.dry_run, prune=request.prune,
        progress=invocation.progress, allow=_allowance(settings, request, who),
        kinds=frozenset(map(kind_named, request.kinds)) or frozenset(KINDS),
    )  # fmt: skip
    paths = _paths(settings, request)

    def one_feed(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
        name, what = f"import {feed.kind.name} of {feed.league}", "Import one feed, whole or not at all."
        result = invocation.step(name, lambda: import_feed(engine, feed, run, options), what=what)
        invocation.note(_line(run, result))
        return result

    with open_engine(settings, application="rally-health import") as engine:
        retried(partial(_require_platform, engine))
        if settings.breaker and not request.dry_run and retried(partial(settle_crashes, engine)) is not None:
            announce_stop(invocation)
        if request.prune and not request.dry_run:
            from flows.service.repair import snapshot_before  # noqa: PLC0415 - most imports delete nothing

            snapshot_before(engine, settings, "import --prune")
        report = import_paths(engine, paths, options, wait=request.wait, importer=one_feed)
        if settings.breaker:
            after_import(engine, report, allowed_by=who if request.allow else "", why=request.reason)
        lineage(engine, report)
        return report


def _require_platform(engine: Engine) -> None:
    with engine.begin() as connection:
        require_platform(connection)


def _declared(settings: Settings) -> Options:
    """How to import, as the settings say: rules of the gate, limits of the guards, seasons, corrections."""
    today = today_here()
    gate = rule_gate(rules_of(settings), Checking(timeout=settings.statement_timeout, details=False), today)
    return Options(
        gate=gate, limits=settings.guards, seasons=settings.seasons, corrections=settings.corrections,
        today=today,
    )  # fmt: skip


def _allowance(settings: Settings, request: ImportRequest, who: str) -> Allowance:
    """What is let pass this once; a name that no guard and no rule of the gate has would let nothing pass, unseen."""
    names = {*WAYS_OUT, *(check.name for check in rules_of(settings).values() if TAG in check.mark.tags)}
    for name in request.allow:
        if name not in names:
            near = ", ".join(get_close_matches(name, names, n=3) or sorted(names))
            raise RequestError(f"--allow: no guard and no rule of the gate is called {name!r}; the nearest are {near}")
    return Allowance(frozenset(request.allow), who, request.reason)


def replay_rejects(settings: Settings, *, feed: int | None, dry_run: bool) -> ImportReport:
    """Try refused rows again, of one feed or of all; raises ImportsStopped while imports are stopped."""
    # shares of a handful of rows say nothing, so no rule of the gate is asked: the next check looks at them
    options = replace(_declared(settings), dry_run=dry_run, gate=open_gate)
    with open_engine(settings, application="rally-health import") as engine:
        return replay(engine, options, feed=feed)


def retry_held(settings: Settings, number: int, request: ImportRequest) -> ImportReport:
    """Try a held part again; what is let pass is recorded with who and why. Raises NotFound where none waits."""
    who = getpass.getuser()
    options = replace(_declared(settings), allow=_allowance(settings, request, who))
    with open_engine(settings, application="rally-health import") as engine:
        report = retry_part(engine, number, options)
        if settings.breaker:
            after_import(engine, report, allowed_by=who if request.allow else "", why=request.reason)
    return report


def discard_held(settings: Settings, number: int, reason: str) -> str:
    """Give a held part up, recorded with who and why; returns what it is. Raises NotFound where none waits."""
    with open_engine(settings, application="rally-health import") as engine, engine.begin() as connection:
        return discard_part(connection, number, getpass.getuser(), reason)


def _paths(settings: Settings, request: ImportRequest) -> Sequence[Path]:
    if request.paths:
        return request.paths
    if settings.feeds is None:
        raise SettingsError("no feeds are named: give paths, or set RALLY_FEEDS to the folder that they arrive in")
    return [settings.feeds]


def _line(run: int, result: FeedResult) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in asdict(result.counts).items() if number)
    return f"import run {run}: {result.outcome}: {'; '.join([counts or 'nothing', *result.reasons])}"


STOPPED = {Outcome.FAILED}
NightlyImport = Callable[[Invocation, ImportRequest], ImportReport]
NightlyCheck = Callable[[Invocation, CheckRequest], Report]


@dataclass(frozen=True, slots=True)
class Night:
    """What a night did; without a report where the import stopped it."""

    imported: ImportReport
    report: Report | None = None
    fixed: tuple[Attempt, ...] = ()


def run_night(invocation: Invocation, request: NightRequest, importing: NightlyImport, checking: NightlyCheck) -> Night:
    """Import, repair what RALLY_AUTO_FIX allows, and check what has changed; the check's report names the repairs.

    `importing` and `checking` do these two, as flows of their own where Prefect shows them.
    """
    from flows.service.repair import fix_what_is_allowed  # noqa: PLC0415 - an import alone repairs nothing

    imported = importing(invocation, ImportRequest(paths=request.paths, wait=request.wait, prune=request.prune))
    if imported.outcome in STOPPED:
        return Night(imported)
    what = "Repairs of RALLY_AUTO_FIX."
    fixed = invocation.step("automatic fixes", lambda: fix_what_is_allowed(invocation.settings), what=what)
    informed = replace(invocation, remarks=(*invocation.remarks, *map(str, fixed)))
    return Night(imported, checking(informed, CheckRequest(tags=request.tags, since="last")), fixed)


def of_night(night: Night) -> Ending:
    """The ending of a night: the import's where it stopped there, otherwise that of what the rules found."""
    return of_import(night.imported) if night.report is None else of_report(night.report)
