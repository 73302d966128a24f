"""New, known, fixed: a bad row is the same from run to run by its rule and key."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
    text,
    true,
    update,
)

from checks import Bad, Row, Severity, Status, above, check, percent, row_check, rows
from checks.engine.judging.evidence import as_listed
from checks.engine.judging.findings import (
    CELL,
    CELLS,
    Change,
    Finding,
    Findings,
    checksum,
    checksum_of,
    compare,
    compare_part,
    fingerprint,
    fingerprint_of,
    key_names,
    key_text,
    key_text_of,
    key_values_of,
    packed,
    parts,
    row_hash,
    sketch,
    sketch_difference,
    unpacked,
)
from checks.engine.reporting.verdict import FailOn
from tests.checks.engine.conftest import Run, thing, things

Put = Callable[..., None]


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10), critical=percent(90)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


def found(*keys: int) -> Findings:
    """Findings that are all listed."""
    return Findings(len(keys), tuple(Finding(key, {"id": key}) for key in keys))


def test_a_first_run_finds_everything_new(run: Run, put: Put) -> None:
    put(thing("a", size=10), thing("b", size=11))

    result = run(big).of("big")

    assert (result.new, result.known, result.fixed, result.change) == (2, 0, 0, "2 new")


def test_a_later_run_tells_new_known_and_fixed_apart(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=10), thing("b", size=11))
    before = run(big)
    with shelves.begin() as connection:
        connection.execute(update(things).where(things.c.name == "a").values(size=1))
    put(thing("c", size=12))

    result = run(big, baseline=before.as_baseline()).of("big")

    assert (result.new, result.known, result.fixed) == (1, 1, 1)
    assert result.change == "1 new, 1 known, 1 fixed"


def test_new_rows_come_first_among_the_examples(run: Run, put: Put) -> None:
    put(*(thing(f"a{number}", size=10) for number in range(9)))
    before = run(big)
    put(thing("z", size=10))

    assert run(big, baseline=before.as_baseline()).of("big").examples[0] == {"name": "z", "place_id": 1}


def test_examples_are_few(run: Run, put: Put) -> None:
    put(*(thing(f"a{number}", size=10) for number in range(9)))

    assert len(run(big, examples=3).of("big").examples) == 3


def test_a_key_that_is_bad_twice_is_two_rows(run: Run, put: Put) -> None:
    put(thing("a", size=10))
    before = run(big)
    put(thing("a", size=10))

    result = run(big, baseline=before.as_baseline()).of("big")

    assert (result.count, result.new, result.known) == (2, 1, 1)


def test_fail_on_new_looks_at_new_ones_only(run: Run, put: Put) -> None:
    put(thing("a", size=10))
    before = run(big)
    same = run(big, baseline=before.as_baseline())
    put(thing("b", size=10))
    more = run(big, baseline=same.as_baseline())

    codes = [report.exit_code(FailOn.NEW) for report in (before, same, more)]

    assert codes == [1, 0, 1]


@pytest.mark.parametrize("listed", [3, 1_000])
def test_very_many_bad_rows_are_compared_exactly_too(run: Run, put: Put, shelves: Engine, listed: int) -> None:
    put(*(thing(f"n{number}", size=10, place_id=number % 7) for number in range(3_000)))
    before = run(big, listed=listed)
    with shelves.begin() as connection:
        connection.execute(text("delete from things where name in ('n1', 'n2')"))
    put(thing("new", size=10), thing("n5", size=10, place_id=5), thing("nix", size=None))

    result = run(big, listed=listed, baseline=before.as_baseline()).of("big")

    assert result.findings is not None
    assert (result.count, result.new, result.known, result.fixed, result.exact) == (3_000, 2, 2_998, 2, True)
    assert not result.findings.complete
    assert len(result.findings.listed) == 100


def test_from_very_many_to_few_is_compared_exactly(run: Run, put: Put, shelves: Engine) -> None:
    put(*(thing(f"n{number}", size=10) for number in range(40)))
    before = run(big, listed=30)
    with shelves.begin() as connection:
        connection.execute(text("delete from things where name >= 'n2' and name < 'n4'"))

    result = run(big, listed=30, baseline=before.as_baseline()).of("big")

    assert (result.count, result.new, result.fixed, result.exact) == (18, 0, 22, True)


@pytest.mark.parametrize("change", ["place_id = 2", "name = 'other'", "shelf = 'b'"])
def test_the_hash_of_a_row_changes_with_its_key_and_its_place(put: Put, shelves: Engine, change: str) -> None:
    hashed = row_hash((things.c.name, things.c.place_id, things.c.shelf))
    assert hashed is not None
    put(thing("x"))
    with shelves.begin() as connection:
        before = connection.execute(select(hashed)).scalar_one()
        connection.execute(text("update things set size = 7"))
        same = connection.execute(select(hashed)).scalar_one()
        connection.execute(text(f"update things set {change}"))
        after = connection.execute(select(hashed)).scalar_one()

    assert same == before != after


def test_the_hash_of_a_row_is_above_zero(put: Put, shelves: Engine) -> None:
    """Sum and mean of hashes tell how many rows there are."""
    hashed = row_hash((things.c.name, things.c.place_id))
    assert hashed is not None
    put(*(thing(f"n{number}") for number in range(200)))
    with shelves.begin() as connection:
        found = connection.execute(select(hashed)).scalars().all()

    assert len({*found}) == 200
    assert all(0 < number < 2**63 for number in found)


def test_a_number_that_can_be_written_in_two_ways_has_no_hash() -> None:
    assert row_hash((things.c.name, Column("weight", Numeric))) is None


def test_what_cannot_be_hashed_is_asked_for_as_ever(run: Run, shelves: Engine) -> None:
    """The rule's author takes for text what the database cannot hash."""
    odd = Table("odd", MetaData(), Column("name", Text, primary_key=True), Column("size", Integer))

    @row_check(odd, severity=Severity.LOW, threshold=above(warn=rows(0)))
    def heavy(row: Row) -> ColumnElement[bool]:
        """Heavier than nine."""
        return row.size > 9

    with shelves.begin() as connection:
        connection.execute(
            text("create table odd as select to_json(n) as name, n as size from generate_series(1, 20) n")
        )
    before = run(heavy, listed=3)
    same = run(heavy, listed=3, baseline=before.as_baseline()).of("heavy")
    with shelves.begin() as connection:
        connection.execute(text("drop table odd"))

    assert (same.count, same.new, same.known, same.fixed, same.exact, same.error) == (11, 0, 11, 0, True, "")


def test_a_rule_that_had_very_many_bad_rows_and_breaks_takes_no_other_with_it(run: Run, put: Put) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=rows(0)))
    def shared(row: Row) -> ColumnElement[bool]:
        """A hundred among so many is less than eleven."""
        return 100 / row.size < 11

    put(*(thing(f"n{number}", size=10 + number) for number in range(8)))
    before = run(big, shared, listed=3)
    put(thing("none", size=0), thing("small", size=1))

    report = run(big, shared, listed=3, baseline=before.as_baseline())

    assert (before.of("big").count, before.of("shared").count) == (8, 8)
    assert report.of("shared").status is Status.ERROR
    assert "division by zero" in report.of("shared").error
    assert (report.of("big").count, report.of("big").total, report.of("big").new, report.of("big").known) == (
        8,
        10,
        0,
        8,
    )


def test_a_check_has_fingerprints_too(run: Run, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(0)))
    def twice() -> Bad:
        names = select(things.c.name).group_by(things.c.name).having(func.count() > 1)
        return Bad(names)

    put(thing("a"), thing("a"))
    before = run(twice)
    put(thing("b"), thing("b"))

    result = run(twice, baseline=before.as_baseline()).of("twice")

    assert (result.new, result.known, result.total) == (1, 1, None)


@pytest.mark.parametrize("name", ["plain", "Zürich \"quoted\" \\ 'single'", "tab\tnew\nline", "☃ \x7f", "", None])
def test_python_and_the_database_agree_on_a_fingerprint(put: Put, shelves: Engine, name: str | None) -> None:
    put(thing("x", shelf="a"))
    with shelves.begin() as connection:
        connection.execute(update(things).values(name=name))
        key = key_text((things.c.name, things.c.place_id))
        row = connection.execute(select(key, fingerprint_of("rule", key))).one()

    assert row[1] == fingerprint("rule", row[0])


@pytest.mark.parametrize("mark", [0, 1, -1, 2_147_483_647, -2_147_483_648, (1 << 63) - 1, -(1 << 63), 8_070_450_532])
def test_python_and_the_database_agree_on_a_checksum(shelves: Engine, mark: int) -> None:
    with shelves.connect() as connection:
        assert connection.execute(select(checksum_of(literal(mark, BigInteger)))).scalar_one() == checksum(mark)


@pytest.mark.parametrize(
    "name", ["plain", "Zürich \"quoted\" \\ / 'single'", "tab\tnew\nline", "☃ \x7f \u2028", "", None]
)
def test_the_text_of_a_plain_key_is_that_of_any_key(put: Put, shelves: Engine, name: str | None) -> None:
    """Plain columns are written by a faster function; a key that changed its text would be new and fixed at once."""
    put(thing("x", shelf="a"))
    with shelves.begin() as connection:
        connection.execute(update(things).values(name=name))
        columns = things.c.name, things.c.place_id, literal(date(2025, 3, 1)), literal(time(18, 30, 0, 5)), true()
        plain = key_text(columns)
        row = connection.execute(select(plain, cast(func.jsonb_build_array(*columns), Text))).one()

    assert "json_build_array" in str(plain)
    assert row[0] == row[1]


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_spelled_fingerprint_reads_back(value: int) -> None:
    assert key_values_of(key_text_of(value)) == value


# fingerprints are hashes: hypothesis would look for numbers that no hash gives
marks = st.integers(0, 1 << 30).map(lambda number: fingerprint("rule", str(number)))
bags = st.dictionaries(marks, st.integers(1, 3), max_size=200)


@given(bags, bags)
def test_a_sketch_gives_the_difference_of_two_bags(now: dict[int, int], before: dict[int, int]) -> None:
    expected = {key: now.get(key, 0) - before.get(key, 0) for key in now.keys() | before.keys()}

    answer = sketch_difference(sketch(now), sketch(before))

    assert answer == {key: number for key, number in expected.items() if number}


def test_a_checksum_stays_what_the_history_holds() -> None:
    """Sketches of earlier runs are compared with those of today: who changes the hash loses all of them."""
    assert [checksum(key) for key in (0, -3, 10**9, 2**31, 2**62 + 5)] == [0, 9, 3972501887, 1, 36]


def test_the_parts_of_a_key_are_called_as_python_calls_them() -> None:
    assert key_names([Column("n", key="number"), Column("day"), literal(1).label("one")]) == ("number", "day", "one")


@given(bags)
def test_a_packed_sketch_reads_back(bag: dict[int, int]) -> None:
    data = packed(sketch(bag))

    assert unpacked(data) == sketch(bag)
    assert len(data) == CELLS * CELL.size == 49_152


def test_a_thousand_changes_among_ten_times_as_many_rows_are_told_exactly() -> None:
    rows = [fingerprint("rule", str(number)) for number in range(10_500)]
    rows_before, rows_now = dict.fromkeys(rows[:-500], 1), dict.fromkeys(rows[500:], 1)

    answer = sketch_difference(sketch(rows_now), sketch(rows_before))

    assert answer is not None
    assert sorted(answer.values()) == [-1] * 500 + [1] * 500


def test_too_many_changes_are_told_as_least_numbers() -> None:
    now = {fingerprint("rule", f"new {number}"): 1 for number in range(5_000)}
    before = {fingerprint("rule", str(number)): 1 for number in range(4_000)}

    change = compare(Findings(5_000, sketch=sketch(now)), Findings(4_000, sketch=sketch(before)))

    assert change == Change(new=1_000, known=4_000, fixed=0, exact=False)


def test_what_is_gone_altogether_is_fixed_exactly_however_much_it_was() -> None:
    before = Findings(5_000, sketch=sketch({fingerprint("rule", str(number)): 1 for number in range(5_000)}))

    assert compare(Findings(), before) == Change(new=0, known=0, fixed=5_000)


def test_part_of_the_rows_cannot_tell_what_is_fixed() -> None:
    assert compare_part(found(1, 2), found(2, 3)) == Change(1, 1, None, appeared=frozenset({1}))


@pytest.mark.parametrize(("now_sketched", "before_sketched"), [(True, False), (False, True), (True, True)])
def test_part_of_the_rows_is_not_compared_with_a_sketch(now_sketched: bool, before_sketched: bool) -> None:
    rows_now, rows_before = (
        Findings(2, (Finding(mark, {"id": mark}), Finding(7, {"id": 7})), sketch({mark: 1}) if sketched else None)
        for mark, sketched in ((8, now_sketched), (9, before_sketched))
    )

    assert compare_part(rows_now, rows_before) == Change(None, None, None, exact=False)


def test_part_of_the_rows_tells_new_and_known_apart_by_how_often_they_are_bad() -> None:
    now = Findings(7, (Finding(1, {}, 3), Finding(2, {}, 2), Finding(3, {}), Finding(4, {})))
    before = Findings(9, (Finding(1, {}), Finding(2, {}, 2), Finding(3, {}, 2), Finding(5, {}, 4)))

    assert compare_part(now, before) == Change(3, 4, None, appeared=frozenset({1, 4}))
    assert compare(now, before) == Change(3, 4, 5, appeared=frozenset({1, 4}))
    assert compare(now, Findings()) == Change(7, 0, 0, appeared=frozenset({1, 2, 3, 4}))
    assert compare(Findings(), before) == Change(0, 0, 9)


def test_rows_of_before_are_those_of_today_where_they_have_the_same_key() -> None:
    rows: Any = SimpleNamespace(names=("name", "place_id"))
    before = Findings(2, (Finding(9, {"place_id": 2, "name": "b"}), Finding(8, {"place_id": 1, "name": "a"})))

    evidence = as_listed(rows, before)

    assert evidence is not None
    assert [list(finding.key.items()) for finding in evidence.findings.listed] == [
        [("name", "a"), ("place_id", 1)], [("name", "b"), ("place_id", 2)],
    ]  # fmt: skip
    assert as_listed(SimpleNamespace(names=("name",)), before) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "ff", "0" * 15, "0" * 17, "g" * 16])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no fingerprint|invalid literal"):
        key_values_of(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0" * 16),
        (255, "00000000000000ff"),
        (-1, "f" * 16),
        (-(1 << 63), "8" + "0" * 15),
        ((1 << 63) - 1, "7" + "f" * 15),
    ],
)
def test_a_fingerprint_is_typed_as_sixteen_digits(value: int, text: str) -> None:
    assert (key_text_of(value), key_values_of(text)) == (text, value)


def test_a_long_text_of_a_key_is_cut_for_reading() -> None:
    (shown,) = parts(("a", "b", "c"), [json.dumps(["x" * 200, "y" * 201, 7])])

    assert shown == {"a": "x" * 200, "b": "y" * 199 + "…", "c": 7}
