"""One feed inside its transaction: staged once, then published part by part, each league's rows on their own.

A part is planned, its change profile is measured, guards and gate rules look at it, and it is written or held. What a
held part has done is rolled back to its savepoint, so it holds back no other part of its feed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from etl import RowsUnaccounted
from etl.circuit_breaker import in_force
from etl.database import DATABASE_ERRORS, describe_error, own_error, sqlstate
from etl.feeds import Feed
from etl.importing import Counts, FeedResult, Objection, Outcome, PartResult, staging
from etl.importing.copy_writer import Keys
from etl.importing.correct import correct
from etl.importing.declared import digest_of, of_part, renamed
from etl.importing.ensure_dimensions import ensure_leagues, nearest_league
from etl.importing.feed_rows import Intake, PartHeld
from etl.importing.guards import FINAL, NEVER_ALLOWED, UNKNOWN_LEAGUE, Verdict, objections
from etl.importing.held import Waiting, keep_part, note_part, staged_open_names, unpack, watch
from etl.importing.options import Allowance, Options
from etl.importing.profile import ChangePlan, Profile, located, measure_profile
from etl.importing.seasons import STRAY, PlayDays, begins_anew, count_days
from etl.leagues import ALL
from etl.reading import extract
from etl.records.feed_schema import Drift
from etl.records.validate import validate_together
from etl.tables import leagues, schedule

DATA_REFUSED = frozenset({"22", "23", "P0"})
"""Classes of SQLSTATE that speak of a row: a value, a constraint, a trigger."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent per step; what a step spends in another one counts for that alone."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun, before = time.perf_counter(), sum(self.seconds.values())
        try:
            yield
        finally:
            elsewhere = sum(self.seconds.values()) - before
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - begun - elsewhere


def publish_feed(connection: sa.Connection, feed: Feed, intake: Intake, options: Options) -> FeedResult:
    """Read a feed, and publish or hold each part of it, in the caller's transaction."""
    watch = Stopwatch()
    with watch.step("stage"):
        staged = _stage(connection, feed, intake, options)
    result = publish_staged(connection, feed, intake, options, staged, watch)
    whole = feed.league == ALL and intake.leagues and not options.partial
    return replace(result, remarks=tuple(_missing_leagues(connection, feed, intake))) if whole else result


def _missing_leagues(connection: sa.Connection, feed: Feed, intake: Intake) -> Iterator[str]:
    """The leagues that a feed of several has no row of and the table has, with their last day of play: a season that is
    over is missed by nobody.
    """
    table = feed.kind.tables[0]
    has = sa.exists().where(table.c.league_id == leagues.c.id)
    days = sa.select(schedule.c.league_id, sa.func.max(schedule.c.match_date).label("last"))
    last = days.group_by(schedule.c.league_id).subquery()
    missing = sa.select(leagues.c.league_id, last.c.last).outerjoin(last, last.c.league_id == leagues.c.id)
    missing = missing.where(has, leagues.c.league_id.not_in(intake.leagues))
    for league, day in connection.execute(missing.order_by(leagues.c.league_id)):
        yield f"it has nothing of {league}, {f'whose last fixture is of {day}' if day else 'which has no fixture'}"


def publish_held(
    connection: sa.Connection, feed: Feed, intake: Intake, options: Options, waiting: Waiting
) -> FeedResult:
    """Try a held part again, from the rows that were kept of it."""
    watch = Stopwatch()
    with watch.step("stage"):
        staging.create_staging(connection, feed.kind.stage)
        unpack(connection, feed.kind.stage, waiting.rows)
        staging.analyze(connection, feed.kind.stage)
    intake.drift.told |= set(waiting.told)
    intake.leagues.update({waiting.league: waiting.records} if waiting.league else {})
    intake.rejects_of[waiting.league], intake.garbled[waiting.league] = waiting.rejects, waiting.garbled
    return publish_staged(connection, feed, intake, options, waiting.records, watch)


def publish_staged(  # noqa: PLR0917 - all that a feed is on its way, handed on as it is
    connection: sa.Connection, feed: Feed, intake: Intake, options: Options, staged: int, watch: Stopwatch
) -> FeedResult:
    """Publish or hold each part of what is staged."""
    refused = intake.rejects
    parts = tuple(
        _Part(connection, feed, league, intake, options, watch).publish(records)
        for league, records in _parts(connection, feed, intake, staged)
    )
    counts = _sum(parts, rows=staged + refused, rejects=intake.rejects)
    held = [part for part in parts if part.outcome is Outcome.HELD]
    outcome = Outcome.BLOCKED if held else _outcome(counts, partial=options.partial)
    return FeedResult(
        str(feed.path), feed.kind.name, feed.league, outcome, counts,
        tuple(_reason(part, reason, alone=len(parts) == 1) for part in held for reason in part.reasons),
        tuple(allowed for part in parts for allowed in part.allowed), dict(sorted(intake.leagues.items())),
        _drift(intake.drift), watch.seconds, parts,
    )  # fmt: skip


def _outcome(counts: Counts, *, partial: bool) -> Outcome:
    """Rows that are tried again and mend nothing are no import: nothing is fresher for them."""
    return Outcome.UNCHANGED if partial and not counts.inserted + counts.updated else Outcome.PUBLISHED


def _stage(connection: sa.Connection, feed: Feed, intake: Intake, options: Options) -> int:
    """Stage the whole feed; returns how many records it has."""
    table = feed.kind.stage
    staging.create_staging(connection, table)
    read = extract(feed.path, on_bytes=lambda count: options.progress(feed, count))
    rows = renamed(read, of_part(options.corrections, feed.kind.name, feed.league), feed.league, intake.decoded)
    records = intake.records(validate_together(feed.kind.schema, rows, feed.league, drift=intake.drift))
    keys = Keys(feed.kind.key) if feed.kind.key else None
    count = staging.load_columns(connection, table, records, keys=keys)
    intake.repeated = keys is None or keys.repeated()
    return count


def _parts(connection: sa.Connection, feed: Feed, intake: Intake, staged: int) -> Iterator[tuple[str, int]]:
    """Stage one part after another, each with its league ("" where rows tell none) and its records.

    The only part of a feed stands in the stage already; of several, the stage holds one at a time.
    """
    counts = {**dict(sorted(intake.leagues.items())), "": staged - intake.leagues.total()}
    leagues = [league for league, records in counts.items() if records]
    if len(leagues) < 2:
        yield leagues[0] if leagues else "" if feed.league == "all" else feed.league, staged
        return
    with staging.taken_apart(connection, feed.kind.stage) as take:
        for league in leagues:
            take(league or None)
            yield league, counts[league]


@dataclass(slots=True)
class _Part:
    connection: sa.Connection
    feed: Feed
    league: str
    whole: Intake
    options: Options
    watch: Stopwatch
    profile: Profile = field(init=False)
    intake: Intake = field(init=False)
    found: list[Objection] = field(default_factory=list)
    names: list[dict[str, Any]] = field(default_factory=list)
    verdict: Verdict | None = None
    days: PlayDays = field(default_factory=PlayDays)
    corrected: list[Mapping[str, Any]] = field(default_factory=list)

    def publish(self, records: int) -> PartResult:
        """Publish the staged part or hold it; a held one leaves nothing behind but what is kept of it."""
        self.profile = self._first_profile(records)
        savepoint = self.connection.begin_nested()
        try:
            counts = self._written(records)
        except PartHeld:
            savepoint.rollback()
            result = self._result(Counts(held=records))
            keep_part(self.connection, self.feed, self.whole, result, self._kept())
            return result
        savepoint.commit()
        self.whole.rejects += self.intake.rejects
        result = self._result(counts)
        note_part(self.connection, self.feed, self.whole, result)
        return result

    def _kept(self) -> dict[str, Any]:
        declared = digest_of(of_part(self.options.corrections, self.feed.kind.name, self.league))
        # what the database refuses may be another program's row, gone by the next import: each tries it again
        refused = any(objection.rule == NEVER_ALLOWED for objection in self.found)
        return {"names": self.names, "watch": "" if refused else watch(self.connection, self.league, declared)}

    def _first_profile(self, records: int) -> Profile:
        only = len(self.whole.leagues) < 2
        refused = self.whole.rejects if only and self.whole.rejects else self.whole.rejects_of[self.league]
        garbled = self.whole.garbled.total() if only else self.whole.garbled[self.league]
        return Profile(
            league=self.league, kind=self.feed.kind.name, rows=records + refused, records=records, rejects=refused,
            partial=self.options.partial, truncated=self.whole.truncated, told=tuple(sorted(self.whole.drift.told)),
            mended=len(self.whole.drift.mended), garbled=garbled,
            refused_for=self.whole.reasons.most_common(1)[0] if only and self.whole.reasons else ("", 0),
        )  # fmt: skip

    def _stopped(self) -> list[Objection]:
        held = in_force(self.connection, self.league, self.feed.kind.name)
        return (
            [Objection("stopped", f"{held}; when it is mended: {held.how_to_resume}")]
            if held and held.what != "imports"
            else []
        )

    def _correct(self) -> None:
        self._stop(self._stopped())
        self._look_up_league()
        kind, own = self.feed.kind, of_part(self.options.corrections, self.feed.kind.name, self.league)
        valid = own if kind.day else [one for one in own if one.holds_on(self.options.today)]
        self.corrected = correct(self.connection, kind.stage, valid, kind.day, self.whole.decoded[self.league])
        if any(one.get("rows") for one in self.corrected):  # two rows may be one under corrected names
            self.whole.repeated = True
        # what no row needed explains nothing
        made = tuple(one["correction"] for one in self.corrected if one.get("rows") != 0)
        self.profile = replace(self.profile, corrected=made)

    def _look_up_league(self) -> None:
        near = nearest_league(self.connection, self.league)
        if near:
            self.found.append(Objection(UNKNOWN_LEAGUE, f"no league is called {self.league}; the nearest is {near}"))

    def _begins_season(self) -> bool:
        kind, table = self.feed.kind, self.feed.kind.tables[0]
        with self.watch.step("profile"):
            if kind.day:
                gap, least = self.options.seasons.gap(self.league), STRAY
                if self.options.prune:  # deletes between the first and the last day: then strays count, too
                    least = 0
                self.days = count_days(
                    self.connection, table, kind.stage, self.league, day=kind.day, gap=gap, least=least
                )
                return bool(self.league) and self.days.begin_season
            return bool(self.league) and begins_anew(self.connection, table, kind.stage, self.league, kind.figures)

    def _written(self, records: int) -> Counts:
        self._correct()
        new_season = bool(records) and self._begins_season()
        keep_ids = "ids" in self.profile.corrected
        self.intake = intake = self.whole.of_part(
            self._review, new_season=new_season, seasons=self.days.seasons, keep_ids=keep_ids
        )
        if not records:
            self._stop(objections(self.profile, self.options.limits))
            return Counts()
        ensure_leagues(self.connection, [self.league] if self.league else [])
        if self.feed.kind.names_teams:  # its plan makes teams already, which rules of the gate look at
            self._open_gate()
        with self.watch.step("publish"):
            counts = self._publish(intake, records)
        if self.verdict is not None and counts.inserted + counts.updated:
            with self.watch.step("gate"):
                self.found.extend(self.verdict(counts))
        self._stop()
        return counts

    def _publish(self, intake: Intake, records: int) -> Counts:
        try:
            written = self.feed.kind.publish(self.connection, intake, prune=self.options.prune)
            return _accounted(written, records, intake)
        except (RowsUnaccounted, *DATABASE_ERRORS) as error:
            self._refused(error)
            raise PartHeld(self.league) from error

    def _refused(self, error: Exception) -> None:
        """Object to rows that the database refuses; raises what is its own trouble, or a fault of ours."""
        refused = (sqlstate(error) or "")[:2] in DATA_REFUSED
        if own_error(error) is not None and not isinstance(error, RowsUnaccounted):
            raise error
        if refused:
            self.found.append(Objection(NEVER_ALLOWED, f"the database refuses a row of it: {describe_error(error)}"))
        if not self._objecting():
            raise error

    def _open_gate(self) -> None:
        with self.watch.step("gate"):
            self.verdict = self.options.gate(self.connection, self.feed)

    def _review(self, connection: sa.Connection, change: ChangePlan) -> None:
        """Judge what is planned, before anything of it is written."""
        with self.watch.step("profile"):
            linked, unlinked = change.sides
            newly = self.intake.newly_unlinked
            profile = replace(
                self.profile, new_season=self.intake.new_season, linked=linked, unlinked=unlinked, newly_unlinked=newly,
                rejects=self.profile.rejects + self.intake.rejects, records=self.profile.records - self.intake.rejects,
            )  # fmt: skip
            self.profile = self._measured(connection, profile, change)
        self.names = staged_open_names(connection) if change.sides[1] else []
        self.found.extend(objections(self.profile, self.options.limits))
        if FINAL & {objection.rule for objection in self.found}:
            self._stop()
        # what guards object to is written, too, and rolled back: so the gate says at once what it has against it
        if self.verdict is None and (self.profile.new or self.profile.changed):
            self._open_gate()

    def _measured(self, connection: sa.Connection, profile: Profile, change: ChangePlan) -> Profile:
        with located(connection, change, self.league, self.days) as plan:
            measured = measure_profile(connection, profile, plan)
            # a plan without a row is no accident; of figures that are kept where a feed has none, it says nothing
            changes = plan.look.rows or self.feed.kind.figures
            return replace(measured, signs=self.feed.kind.signs(connection, plan) if changes else {})

    def _objecting(self) -> Sequence[Objection]:
        let_pass = self.options.allow.rules - {NEVER_ALLOWED}
        return [objection for objection in self.found if objection.rule not in let_pass]

    def _stop(self, objections: Sequence[Objection] = ()) -> None:
        """Hold the part, unless a person lets all that speaks against it pass."""
        self.found.extend(objections)
        if self._objecting():
            raise PartHeld(self.league)

    def _result(self, counts: Counts) -> PartResult:
        reasons = tuple(map(str, self._objecting()))
        changed = counts.inserted + counts.updated + counts.withdrawn
        outcome = Outcome.HELD if reasons else Outcome.PUBLISHED if changed else Outcome.UNCHANGED
        allowed = tuple(_let_pass(self.found, self.options.allow))
        return PartResult(self.league, outcome, counts, reasons, allowed, self.profile.to_json(), tuple(self.corrected))


def _accounted(written: Counts, staged: int, intake: Intake) -> Counts:
    """Figures of a part; each staged row is refused, a duplicate or in the table, else RowsUnaccounted."""
    records = staged - intake.rejects
    found = written.duplicates + written.inserted + written.updated + written.unchanged
    if found != records:
        raise RowsUnaccounted(f"{records:,} records were staged, and {found:,} are accounted for; nothing is published")
    return replace(written, records=records, newly_unlinked=intake.newly_unlinked)


def _sum(parts: Sequence[PartResult], *, rows: int, rejects: int) -> Counts:
    """The figures of a feed: those of its parts together."""
    names = [name for name in Counts.__slots__ if name not in {"rows", "rejects", "records"}]
    sums = {name: sum(getattr(part.counts, name) for part in parts) for name in names}
    return Counts(rows=rows, rejects=rejects, records=rows - rejects, **sums)


def _reason(part: PartResult, reason: str, *, alone: bool) -> str:
    return reason if alone or not part.league else f"{part.league}: {reason}"


def _let_pass(found: Sequence[Objection], allow: Allowance) -> Iterator[dict[str, str]]:
    for objection in found:
        if objection.rule in allow.rules:
            yield {"rule": objection.rule, "reason": objection.reason, "who": allow.who, "why": allow.why}


def _drift(drift: Drift) -> dict[str, dict[str, int]]:
    """How often keys were unknown or missing, empty where the feed has the expected ones."""
    return {"unknown": dict(drift.unknown), "missing": dict(drift.missing)} if drift else {}
