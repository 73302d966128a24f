"""Reading rows out of any file: all that is sound comes, in order; all that is not is said."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import etl.reading.window
from etl import FeedError
from etl.reading import RAW_LIMIT, Unreadable, extract
from etl.reading.window import ROW_LIMIT
from tests.conftest import FEEDS


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return tmp_path / "schedules.json"


def read(feed: Path, content: str | bytes) -> list[object]:
    feed.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return list(extract(feed))


def only(rows: list[object], index: int) -> Unreadable:
    ((place, found),) = [(place, row) for place, row in enumerate(rows) if isinstance(row, Unreadable)]
    assert place == index
    return found


def sound(rows: list[object]) -> list[tuple[int, object]]:
    return [(place, row) for place, row in enumerate(rows) if not isinstance(row, Unreadable)]


def test_rows_come_in_order(feed: Path) -> None:
    assert read(feed, '[{"a": 1}, 2, "x", null]') == [{"a": 1}, 2, "x", None]


def test_an_empty_array_has_no_rows(feed: Path) -> None:
    assert read(feed, " [ ] \n") == []


def test_a_byte_order_mark_is_passed_over(feed: Path) -> None:
    assert read(feed, b'\xef\xbb\xbf[{"a": 1}]') == [{"a": 1}]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'{"rows": []}', "is one JSON object"),
        (b"<!DOCTYPE html>", "is a web page or XML"),
        (b'"text"', "is one JSON string"),
        (b"not json", "begins with 'not json'"),
        ("[{}]".encode("utf-16"), "is not UTF-8 text"),
        ("[{}]".encode("utf-16-le"), "is not UTF-8 text"),
        (b"\x00\x89PNG", "is not UTF-8 text"),
    ],
)
def test_what_is_no_array_is_one_clear_error(feed: Path, content: bytes, found: str) -> None:
    with pytest.raises(FeedError) as error:
        read(feed, content)

    assert str(error.value) == f"{feed} {found}, expected a JSON array of rows"


def test_a_file_that_is_gone_is_named(feed: Path) -> None:
    with pytest.raises(FeedError, match=f"{feed} cannot be read: No such file or directory"):
        list(extract(feed))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"b": NaN}', "the row holds NaN, which is no JSON number"),
        ('{"b": -Infinity}', "the row holds -Infinity, which is no JSON number"),
        ('{"b": 1, "b": 2}', "the row gives the key 'b' twice"),
        ('{"b": {"c": 1, "c": 1}}', "the row gives the key 'c' twice"),
        ("9" * 5000, "the row holds an integer of more than 4,300 digits"),
        ("[" * 5000 + "]" * 5000, "the row nests too deeply"),
        ('{"b": tru}', "the row is not valid JSON: Expecting value at its character 6"),
        ('{"b": "x\ny"}', "the row is not valid JSON: Invalid control character at at its character 8"),
        ('{"b": 1} {"c": 2}', "the row is not valid JSON: Extra data at its character 9"),
        ("", "the row is not valid JSON: Expecting value at its character 0"),
    ],
)
def test_a_bad_row_costs_itself_only(feed: Path, row: str, reason: str) -> None:
    rows = read(feed, f'[{{"a": 1}},{row},{{"c": 3}}]')

    assert sound(rows) == [(0, {"a": 1}), (2, {"c": 3})]
    assert only(rows, 1) == Unreadable(reason, row, lost=len(row))


def test_bytes_that_are_not_utf8_stay_in_their_row(feed: Path) -> None:
    """They arrive as lone surrogates, which validation refuses with the field's name."""
    rows = read(feed, b'[{"a": "\xff"}, {"b": 2}]')

    assert rows == [{"a": "\udcff"}, {"b": 2}]


def test_of_a_file_that_is_cut_off_all_whole_rows_come(feed: Path) -> None:
    rows = read(feed, '[{"a": 1}, {"b": 2}, {"c": "thr')

    assert sound(rows) == [(0, {"a": 1}), (1, {"b": 2})]
    reason = "the file is cut off in the middle of the row: 10 characters up to the end of the file are lost"
    assert only(rows, 2) == Unreadable(reason, '{"c": "thr', lost=10)


@pytest.mark.parametrize("content", ['[{"a": 1}, ', '[{"a": 1}'])
def test_a_file_that_is_cut_off_between_rows_is_said(feed: Path, content: str) -> None:
    rows = read(feed, content)

    assert sound(rows) == [(0, {"a": 1})]
    assert only(rows, 1).reason == "the file is cut off after row 0: no closing bracket"


def test_a_figure_that_is_cut_off_is_no_row(feed: Path) -> None:
    assert only(read(feed, "[1, 23"), 1).lost == 2


def test_a_comma_too_many_is_said(feed: Path) -> None:
    rows = read(feed, '[{"a": 1},]')

    assert sound(rows) == [(0, {"a": 1})]
    assert only(rows, 1).reason == "a comma that no row follows"


def test_text_behind_the_array_is_said(feed: Path) -> None:
    rows = read(feed, '[{"a": 1}]\n[{"b": 2}]')

    assert sound(rows) == [(0, {"a": 1})]
    assert only(rows, 1) == Unreadable("the file goes on after its array of 1 row", '[{"b": 2}]')


@pytest.mark.parametrize("row", ['{"a": "x "y"}', '{"a": "x\ny"}', '{"a": [1, 2}}', '{"a": 1}}', '{"a": "x'])
def test_where_rows_stand_on_lines_a_broken_one_costs_itself_only(feed: Path, row: str) -> None:
    rows = read(feed, f'[\n  {row},\n  {{"b": 2}},\n  {{"c": 3}}\n]')

    assert sound(rows) == [(1, {"b": 2}), (2, {"c": 3})]
    assert only(rows, 0).reason == "the quotes or brackets of the row do not match"


@pytest.mark.parametrize(
    "row", ['{"b": 1, "b": 2}', '{"b": 1, "b" : 2}', '{"b": 1, "b"\n: 2}', '{"b": 1, "\\u0062": 2}']
)
@pytest.mark.parametrize("other", ['{"c": 3}', '"x"', '{"c": {"d": 1}}', '{"c": ":"}', '{"c": "\\":"}', "[1, 2]"])
def test_a_key_that_comes_twice_shows_among_any_rows(feed: Path, row: str, other: str) -> None:
    """Nothing beside it makes up for the key that is lost: keys are counted, and gaps, texts and arrays are not."""
    rows = read(feed, f'[{{"a": 1}}, {row}, {other}, {{"a": 2}}, {{"a": 3}}]')

    assert only(rows, 1).reason == "the row gives the key 'b' twice"
    assert [place for place, _ in sound(rows)] == [0, 2, 3, 4]


def test_where_rows_do_not_stand_on_lines_nothing_is_guessed(feed: Path) -> None:
    rows = read(feed, '[{"a": 1}, {"b": [1, 2}, {"c": 3}]')

    assert sound(rows) == [(0, {"a": 1})]
    reason = "the quotes or brackets of the row do not match: 23 characters up to the end of the file are lost"
    assert only(rows, 1) == Unreadable(reason, '{"b": [1, 2}, {"c": 3}]', lost=23)


def test_a_row_that_is_too_long_is_passed_over(feed: Path) -> None:
    rows = read(feed, f'[{{"a": "{"x" * 10_000_000}"}}, {{"b": 2}}]')

    assert sound(rows) == [(1, {"b": 2})]
    assert only(rows, 0).reason == f"the row is longer than {ROW_LIMIT:,} characters"
    assert len(only(rows, 0).raw) < RAW_LIMIT + 100
    assert only(rows, 0).lost == 10_000_009


def test_a_long_row_comes_whole(feed: Path) -> None:
    row = {"a": "x" * 1_000_000, "b": ['"\\'] * 10_000}

    assert read(feed, json.dumps([row, {"c": 3}])) == [row, {"c": 3}]


def test_raw_text_is_cut_and_storable(feed: Path) -> None:
    raw = only(read(feed, f'[{{"a": "{"x" * 20_000}", "b": \x00\ud800}}]'), 0).raw

    assert raw.endswith("… (cut: 10,000 of 20,020 characters)")
    assert only(read(feed, '[{"b": \x00\ud800}]'), 0).raw == '{"b": \\u0000\\udced\\udca0\\udc80}'


def test_progress_is_told_in_bytes(feed: Path) -> None:
    feed.write_text(json.dumps([{"a": "é" * 1000}] * 2000, ensure_ascii=False))
    told: list[int] = []

    rows = list(extract(feed, on_bytes=told.append))

    assert len(rows) == 2000
    assert sum(told) == feed.stat().st_size
    assert len(told) > 2


def test_memory_does_not_grow_with_the_file(feed: Path) -> None:
    row = json.dumps({"home_team": "Winnetka - 1", "away_team": "Glen Ellyn - 1", "series": "Chicago 1"})
    with feed.open("w") as file:
        file.write("[" + ",".join([row] * 200_000) + "]")

    tracemalloc.start()
    count = sum(1 for _ in extract(feed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 200_000
    assert peak < 10_000_000 < feed.stat().st_size


TEXT = st.text(max_size=8) | st.text(alphabet='"\\{}[],', max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=75, deadline=None)
@given(rows=st.lists(JSON, max_size=8), indent=st.sampled_from([None, 0, 1, 4]), piece=st.integers(1, 40))
def test_any_array_reads_as_json_reads_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object], indent: int | None, piece: int
) -> None:
    """Whatever the window's edges cut: a figure, an escape, a character of several bytes."""
    feed = tmp_path_factory.mktemp("any") / "schedules.json"
    feed.write_text(json.dumps(rows, indent=indent, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(etl.reading.window, "PIECE", piece)

        assert list(extract(feed)) == rows


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60) | st.text(alphabet='[]{},:"\\ \n1ae.-tn', max_size=60).map(str.encode))
def test_no_file_makes_it_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    feed = tmp_path_factory.mktemp("hostile") / "schedules.json"
    feed.write_bytes(b"[   " + content)

    rows = list(extract(feed))

    assert len(rows) <= content.count(b",") + 2  # one behind each comma, and what follows the array


@pytest.mark.skipif(not FEEDS.exists(), reason="the shared feeds are not beside this checkout")
@pytest.mark.slow
def test_the_shared_feeds_read_as_json_reads_them() -> None:
    for feed in FEEDS.glob("*/*/*.json"):
        assert list(extract(feed)) == json.loads(feed.read_text()), feed


ROWS = [{"a": "one\nline", "b": 1}, {"a": "2"}, {"a": None}]


def lines(end: str = "\n") -> str:
    return end.join(json.dumps(row) for row in ROWS)


@pytest.mark.parametrize("content", [lines(), lines("\r\n"), f"\n{lines()}\n\n", lines(" \n\n  "), f"\ufeff{lines()}"])
def test_one_row_a_line_is_read_like_an_array(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "schedules.jsonl", content) == ROWS


def test_a_file_of_lines_without_any_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path / "schedules.ndjson", " \n \n") == []


def test_a_broken_line_costs_itself(tmp_path: Path) -> None:
    rows = read(tmp_path / "schedules.jsonl", '{"a": 1}\n{"a": ,}\n{"a": 3}\n')

    assert sound(rows) == [(0, {"a": 1}), (2, {"a": 3})]


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3), max_size=8))
def test_lines_and_array_hold_the_same(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    path = tmp_path_factory.mktemp("lines") / "players.jsonl"

    assert read(path, "\n".join(json.dumps(row) for row in rows)) == rows


def test_a_compressed_feed_is_read_like_a_plain_one(tmp_path: Path) -> None:
    assert read(tmp_path / "schedules.json.gz", gzip.compress(json.dumps(ROWS).encode())) == ROWS
    assert read(tmp_path / "schedules.jsonl.gz", gzip.compress(lines().encode())) == ROWS


def test_a_compressed_feed_that_is_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    rows = [{"number": number, "text": f"{number * 7919:x}"} for number in range(20_000)]
    packed = gzip.compress(json.dumps(rows).encode())

    found = read(tmp_path / "schedules.json.gz", packed[: len(packed) // 2])

    assert found[:100] == rows[:100]
    assert isinstance(found[-1], Unreadable)
    assert "cut off" in found[-1].reason


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x1f\x8b\x08\x00\x00", "a gzip file that is cut off"),
        (b"\x1f\x8b\x08\x00" + b"no deflate stream" * 3, "no sound gzip"),
    ],
)
def test_what_is_no_gzip_behind_its_mark_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(FeedError, match=rf"schedules.json.gz cannot be read: it is {why}"):
        read(tmp_path / "schedules.json.gz", content)
