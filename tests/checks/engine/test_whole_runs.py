"""Whole runs of rules of every kind, each figure of their results against whole_runs.txt.

Who changes what a run finds on purpose copies its lines from what the test shows. No two places have as many things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, func, select

from checks import (
    Bad,
    Row,
    Severity,
    Status,
    above,
    below,
    check,
    drop,
    fixture,
    hours,
    metric_check,
    percent,
    row_check,
    rows,
)  # fmt: skip
from checks.engine.collecting.rules import Selection
from checks.engine.judging import alone
from checks.engine.judging.findings import fingerprint
from checks.engine.judging.judge import Baseline, Carried, Waiver
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Measurement
from checks.engine.reporting.report import Report, Result
from tests.checks.engine.conftest import PLACE, SHELF, Run, thing, things

Put = Callable[..., None]
THING = things.c
FOUND = Path(__file__).with_name("whole_runs.txt")
SHARE = above(target=percent(5), warn=percent(10), critical=percent(50))
PLACES = replace(PLACE, scored=True)
SHELVES = replace(SHELF, labels=select(THING.shelf, THING.shelf).distinct())
HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW


@fixture
def place() -> list[tuple[int, str]]:
    """Three places, of which one is empty."""
    return [(1, "North"), (2, "South"), (3, "Empty")]


@row_check(things, severity=HIGH, threshold=SHARE, owner="kim", tags={"daily"})
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


@row_check(things, severity=MEDIUM, threshold=above(warn=rows(0), critical=rows(2)))
def nameless(row: Row) -> Bad:
    """Without a name; things on shelf d need none."""
    return Bad(row.name == "", among=row.shelf != "d")


@row_check(things, severity=LOW, threshold=SHARE)
def of_no_shelf(row: Row) -> Bad:
    """About a shelf that is not there."""
    return Bad(row.size > 0, among=row.shelf == "z")


@row_check(things, severity=LOW, threshold=SHARE)
def broken(row: Row) -> ColumnElement[bool]:
    """Divides by zero."""
    return func.div(1, row.size - row.size) > 1


@check(severity=MEDIUM, threshold=SHARE)
def twice() -> Bad:
    """A name that is there twice on a shelf."""
    names = select(THING.name, THING.place_id, THING.shelf).group_by(THING.name, THING.place_id, THING.shelf)
    return Bad(names.having(func.count() > 1), among=names)


@check(severity=LOW, threshold=above(warn=rows(1), critical=rows(9)))
def across() -> Bad:
    """Bigger than eleven; it says not among what."""
    return Bad(select(THING.name, THING.place_id, THING.id.label("thing_id")).where(THING.size > 11))


@check(severity=MEDIUM, threshold=SHARE, each="place")
def big_of_place() -> Bad:
    """Bigger than nine at a place, all places asked at once."""
    return Bad(
        select(THING.name, THING.shelf, THING.place_id).where(THING.size > 9), among=select(THING.shelf, THING.place_id)
    )


@metric_check(things, severity=LOW, threshold=below(target=rows(15), warn=rows(12), critical=rows(3)))
def biggest(row: Row) -> ColumnElement[Any]:
    """The biggest of all."""
    return func.max(row.size)


@metric_check(things, severity=HIGH, threshold=drop(warn=percent(20), critical=percent(50)), each="place")
def number_of(row: Row, place: int) -> ColumnElement[Any]:
    """The number of things of a place."""
    return func.count().filter(row.place_id == place)


@metric_check(things, severity=LOW, threshold=above(warn=hours(1)))
def nothing(row: Row) -> ColumnElement[Any]:
    """A figure of no rows."""
    return func.sum(row.size).filter(row.shelf == "z")


@row_check(things, severity=LOW, threshold=SHARE)
def biggest_of_all(row: Row) -> ColumnElement[bool]:
    """Bigger than nearly all: few enough for what it aims at."""
    return row.size > 29


@row_check(things, severity=LOW, threshold=above(target=rows(1), warn=rows(5)))
def quite_big(row: Row) -> ColumnElement[bool]:
    """Bigger than fourteen: more than it aims at."""
    return row.size > 14


RULES = (
    big, nameless, of_no_shelf, broken, twice, across, big_of_place, biggest, number_of, nothing, biggest_of_all,
    quite_big, place,
)  # fmt: skip


def stock() -> Iterator[dict[str, Any]]:
    """Seventeen things in the North, nine in the South, three nowhere and one where nobody knows."""
    yield from (thing(f"n{n:02}", size=n, place_id=1, shelf="aaabbc"[n % 6]) for n in range(13))
    yield from (thing("", size=3 + n, place_id=1, shelf="ad"[n % 2]) for n in range(4))
    yield from (thing(f"s{n}", size=8 + n, place_id=2, shelf="bbbd"[n % 4]) for n in range(7))
    yield from (thing("s0", size=None, place_id=2, shelf="b"), thing("s4", size=1, place_id=2, shelf="o'b %s"))
    yield from (thing(f"x{n}", size=5 * n, place_id=None, shelf="c") for n in range(1, 4))
    yield thing("y", size=30, place_id=9, shelf="a")


def more() -> Iterator[dict[str, Any]]:
    """What has come since: three big ones, of which one is there already, and one without a name."""
    yield from (thing("s3", size=20, place_id=2, shelf="d"), thing("n20", size=21, shelf="c"), thing("", shelf="b"))
    yield thing("z", size=22, place_id=2, shelf="b")


def numbered(rows: Iterable[dict[str, Any]], first: int = 1) -> Iterator[dict[str, Any]]:
    """Rows with their ids."""
    yield from ({"id": number, **row} for number, row in enumerate(rows, first))


def lines(report: Report) -> Iterator[str]:
    """A report, a line for each result, its rows and places indented below it."""
    yield f"{report.score} of {report.gross_score} {report.band} {report.coverage:.4f} {dict(report.net.domains)}"
    parts = {name: dict(scores) for name, scores in report.parts.items()}
    yield f"parts {parts} {list(report.complaints)}"
    yield from (f"over: {waiver}" for waiver in report.expired)
    yield from (f"unused: {waiver}" for waiver in report.unused)
    for result in report.results:
        yield from of_result(result)


def of_result(result: Result) -> Iterator[str]:
    """All of a result but its SQL and what does not change."""
    counted = f"{result.count} of {result.total}" if result.value is None else f"{result.value:g}"
    weighed = f"share {result.share:.4g}/{result.gross_share:.4g} impact {result.impact:.4g} {result.points}"
    compared = f"new {result.new} known {result.known} fixed {result.fixed}{'' if result.exact else ' at least'}"
    named = ("relative", "emptied", "left_out", "accepted", "on_target", "trouble", "is_new", "without_history")
    flags = " ".join(name for name in named if getattr(result, name))
    status = f"{result.status}/{result.gross_status}"
    yield f"{result.title} {status} {counted}, {weighed}, {compared}, waived {result.waived}"
    yield f"    {flags}; {result.note}; {result.error}"
    yield from (f"    {dict(example)}" for example in result.examples)
    yield from (f"    {cluster}, {cluster.rows} there, {cluster.lift} times" for cluster in result.clusters)
    for name, segments in sorted(result.segments.items()):
        read = sorted(f"{value} {own.count}/{own.total}/{own.value}" for value, own in segments.items())
        yield f"    by {name}: {', '.join(read)}"


HISTORY = Baseline(
    readings={("number_of", "North"): (40, 40, 40), ("number_of", "South"): (10, 12, 11), ("number_of", "Empty"): (3,)},
    measured={(name, ""): datetime(2025, 6, 27, tzinfo=UTC) for name in ("nothing", "of_no_shelf", "big")}
    | {("number_of", "West"): datetime(2025, 6, 26, tzinfo=UTC)},
)  # fmt: skip


def waived(rule: str, until: date = date(2025, 7, 31), *key: object) -> Waiver:
    """A waiver of a rule, or of its row of a key."""
    mark = fingerprint(rule, f"[{', '.join(map(str, key))}]") if key else None
    return Waiver(
        rule=rule, owner="kim", reason="being moved", until=until, fingerprint=mark, key=" ".join(map(str, key))
    )


JULY = date(2025, 7, 31)
WAIVERS = [
    waived("nameless"), waived("big", JULY, '"s2"', 2), waived("big", JULY, '"s3"', 2), waived("big", JULY, '"n00"', 1),
    waived("twice", date(2025, 6, 29)), waived("biggest"),
]  # fmt: skip
RUNS: dict[str, dict[str, Any]] = {
    "everything": {"baseline": HISTORY},
    "few are listed": {"listed": 2, "examples": 1},
    "in the south": {"selection": Selection(scope={"place": ("South",)})},
    "in the north on two shelves": {
        "selection": Selection(scope={"place": ("North",), "shelf": ("a", "b")}),
        "clusters": 1,
    },
    "on a shelf with a quote": {"selection": Selection(scope={"shelf": ("o'b %s",)})},
    "some is accepted": {"waivers": WAIVERS},
    "counts alone": {"details": False},
}


def asked(run: Run, **options: Any) -> Report:
    """A run of all rules, one after the other."""
    return run(*RULES, dimensions=(PLACES, SHELVES), workers=1, **options)


@pytest.fixture(scope="module")
def written() -> dict[str, list[str]]:
    """The lines of each run."""
    blocks = FOUND.read_text(encoding="utf-8").split("== ")
    return {block.splitlines()[0]: block.splitlines()[1:] for block in blocks if block.strip()}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_finds_what_is_written(run: Run, put: Put, written: dict[str, list[str]], name: str) -> None:
    put(*numbered(stock()))

    assert list(lines(asked(run, **RUNS[name]))) == written[name]


@pytest.mark.parametrize("listed", [2_500, 3])
def test_a_later_run_finds_what_is_written(run: Run, put: Put, written: dict[str, list[str]], listed: int) -> None:
    """It is the same whether bad rows are remembered one by one or as a sketch."""
    put(*numbered(stock()))
    before = asked(run, listed=listed).as_baseline()
    put(*numbered(more(), 101))

    assert list(lines(asked(run, listed=listed, baseline=before))) == written["later"]


@pytest.mark.parametrize("name", ["everything", "in the north on two shelves", "on a shelf with a quote"])
def test_the_sql_of_a_result_finds_what_the_rule_found(run: Run, put: Put, shelves: Engine, name: str) -> None:
    put(*numbered(stock()))
    report = asked(run, **RUNS[name])

    with shelves.connect() as connection:
        for result in (result for result in report.results if result.sql and result.status is not Status.ERROR):
            listed = connection.exec_driver_sql(result.sql.replace("%", "%%")).all()
            found = len(listed) if result.value is None and result.count is not None else listed[0][0]
            assert (result.title, found) == (result.title, result.count if result.value is None else result.value)


def test_more_bad_rows_than_are_read_at_once_change_nothing(
    run: Run, put: Put, written: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "MOST_TOGETHER", 3)
    put(*numbered(stock()))

    assert list(lines(asked(run, baseline=HISTORY))) == written["everything"]


def same_basis(_: object, queries: Sequence[Query]) -> dict[tuple[str, str], str]:
    """Digests of what queries rest on: nothing has changed."""
    return {query.id: f"basis of {query.id[0]}" for query in queries}


def carried(report: Report) -> dict[tuple[str, str], Carried]:
    """The results of a run as a later one has them."""
    return {
        result.id: Carried(
            basis=result.basis, at=YESTERDAY, reading=Measurement(result.count, result.total, result.value),
            sql=result.sql,
            clusters=result.clusters, examples=result.examples, segments=result.segments,
        )
        for result in report.results
        if result.status.measured
    }  # fmt: skip


YESTERDAY = datetime(2025, 6, 29, 5, 30, tzinfo=UTC)


def test_what_rests_on_the_same_basis_is_carried_over_and_not_measured(run: Run, put: Put) -> None:
    put(*numbered(stock()))
    first = asked(run, bases=same_basis)
    baseline = replace(first.as_baseline(), carried=carried(first))
    put(*numbered(more(), 101))

    again = asked(run, bases=same_basis, baseline=baseline)

    told = "carried over from 2025-06-29 05:30 UTC: nothing that it reads has changed since"
    assert {result.id for result in again.results if result.carried} == set(baseline.carried)
    for result in (result for result in again.results if result.carried):
        before = first.of(*result.id)
        counted = (None, None, None) if before.count is None else (0, before.count, 0)
        same = replace(before, carried=YESTERDAY, before=before.status, note=told, appeared=frozenset())
        same = replace(same, points=result.points, impact=result.impact, seconds=result.seconds)
        assert result == replace(same, new=counted[0], known=counted[1], fixed=counted[2])
    assert again.of("broken").error == first.of("broken").error
    assert again.carried == len(baseline.carried)


def test_what_rests_on_another_basis_is_measured_anew(run: Run, put: Put) -> None:
    put(*numbered(stock()))
    first = asked(run, bases=same_basis)
    known = {id_: replace(own, basis="another") if id_[0] == "big" else own for id_, own in carried(first).items()}
    put(*numbered(more(), 101))

    again = asked(run, bases=same_basis, baseline=replace(first.as_baseline(), carried=known))

    assert (again.of("big").count, again.of("big").carried, again.of("twice").count) == (14, None, 3)
