"""All kinds of rows: order, rejects, drift, and the shared feeds as a whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.feeds import discover
from etl.kinds import KINDS
from etl.kinds.kind import FeedKind
from etl.kinds.match_results import MATCH_HISTORY
from etl.kinds.players import PLAYERS
from etl.kinds.schedules import SCHEDULES, Fixture
from etl.reading import RAW_LIMIT, Unreadable, extract
from etl.records import Reject
from etl.records.feed_schema import Drift
from etl.records.validate import _Reader, validate, validate_together
from tests.conftest import FEEDS
from tests.etl.kinds.rows import FIXTURE, MATCH, SOUND, check, without


def test_bad_rows_stand_between_good_ones_in_the_feeds_order() -> None:
    rows: list[object] = [
        FIXTURE,
        7,
        Unreadable("cut", "{"),
        {**FIXTURE, "date": ""},
        FIXTURE,
    ]

    outcomes = list(validate(SCHEDULES.schema, rows, "all"))

    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [isinstance(outcome, Reject) for outcome in outcomes] == [False, True, True, True, False]


def test_one_bad_row_in_a_thousand_costs_one() -> None:
    rows = [FIXTURE if index != 500 else without(FIXTURE, "date") for index in range(1000)]

    rejects = [outcome for outcome in validate(SCHEDULES.schema, rows, "all") if isinstance(outcome, Reject)]

    assert [reject.index for reject in rejects] == [500]


@pytest.mark.parametrize(
    ("value", "found"),
    [(None, "missing"), (7, "7"), ("secret", "text of 6 characters"), ([1], "an array"), (True, "true or false")],
)
def test_a_row_that_is_no_object_is_rejected(value: object, found: str) -> None:
    assert check(PLAYERS, value) == Reject(
        0, f"the row is {found}, expected an object", None, json.dumps(value)
    )  # fmt: skip


def test_what_could_not_be_read_is_rejected_as_it_was_told() -> None:
    assert list(validate(PLAYERS.schema, [Unreadable("the row nests too deeply", "[[")], "all")) == [
        Reject(0, "the row nests too deeply", None, "[[")
    ]


def test_the_raw_row_is_json_that_can_be_replayed() -> None:
    row = {**FIXTURE, "date": "é\x00\ud800"}

    outcome = check(SCHEDULES, row)

    assert isinstance(outcome, Reject)
    assert "\x00" not in outcome.raw
    assert outcome.raw.encode()
    assert json.loads(outcome.raw) == row


def test_a_raw_row_that_is_too_long_is_cut_and_says_so() -> None:
    outcome = check(SCHEDULES, {**FIXTURE, "home_team": "x" * 1_000_000})

    assert isinstance(outcome, Reject)
    assert RAW_LIMIT < len(outcome.raw) < RAW_LIMIT + 100
    assert "… (cut: 10,000 of 1,000," in outcome.raw


def test_keys_may_change_their_case_and_spaces() -> None:
    record = check(SCHEDULES, {key.upper().replace("_", " "): value for key, value in FIXTURE.items()})

    assert isinstance(record, Fixture)


def test_drift_counts_unknown_and_missing_keys_by_row() -> None:
    drift = Drift()
    rows = [
        {**FIXTURE, "court": 1},
        {**FIXTURE, "court": 2, "umpire": 3},
        without(FIXTURE, "time"),
    ]

    list(validate(SCHEDULES.schema, rows, "all", drift=drift))

    assert drift.unknown == {"court": 2, "umpire": 1}
    assert drift.missing == {"time": 1}


def test_rows_of_a_known_layout_do_not_drift() -> None:
    drift = Drift()

    check(MATCH_HISTORY, MATCH, drift=drift)

    assert not drift


def test_endless_new_keys_are_counted_together() -> None:
    drift = Drift()

    list(validate(SCHEDULES.schema, ({**FIXTURE, f"key {i}": 1} for i in range(5_000)), "all", drift=drift))

    assert len(drift.unknown) == 201
    assert drift.unknown["(others)"] == 4_800


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), row=st.dictionaries(st.sampled_from([*FIXTURE, *MATCH, "team", "points"]), JSON))
def test_any_row_becomes_a_record_or_a_reject_that_can_be_stored(kind: FeedKind, row: dict[str, object]) -> None:
    outcome = check(kind, row)

    assert isinstance(outcome, tuple | Reject)
    values = (outcome.raw, outcome.reason) if isinstance(outcome, Reject) else outcome[1:]
    for text in (value for value in values if isinstance(value, str)):
        assert "\x00" not in text
        assert text.encode().decode() == text


CHANGED = st.dictionaries(
    st.sampled_from(["home_team", "Winner", "League", "league_id", "PTI", "Practice"]),
    st.none() | st.sampled_from(["", " ", "BYE - 1", "Nobody", "CITA", "3"]),
    max_size=2,
)


@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), changes=st.lists(CHANGED, min_size=1, max_size=4))
def test_rows_become_the_same_together_as_one_by_one(kind: FeedKind, changes: list[dict[str, object]]) -> None:
    rows = [{**SOUND[kind.name], **change} for change in changes]
    drift, drift_together = Drift(), Drift()

    one_by_one = list(validate(kind.schema, rows, "all", drift=drift))
    (batch,) = validate_together(kind.schema, rows, "all", drift=drift_together)

    assert list(zip(*batch.columns.values(), strict=True)) == [
        tuple(one) for one in one_by_one if not isinstance(one, Reject)
    ]
    assert list(batch.rejects) == [one for one in one_by_one if isinstance(one, Reject)]
    assert drift == drift_together


@pytest.mark.parametrize("kind", [PLAYERS, SCHEDULES, MATCH_HISTORY])
def test_sound_rows_are_read_together(kind: FeedKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Reader, "outcomes", None)

    (batch,) = validate_together(kind.schema, [SOUND[kind.name], SOUND[kind.name]], "all")

    assert list(batch.columns["index"]) == [0, 1]


@pytest.mark.skipif(not FEEDS.exists(), reason="the shared feeds are not beside this checkout")
@pytest.mark.slow
def test_of_the_shared_feeds_only_rows_that_are_no_matches_are_rejected() -> None:
    """Rows of league tables that the scraper took for matches (718), and CITA's placeholders without a home team."""
    counts: dict[tuple[str, str], int] = {}
    for feed in discover([FEEDS])[0]:
        drift = Drift()
        for outcome in validate(feed.kind.schema, extract(feed.path), feed.league, drift=drift):
            if isinstance(outcome, Reject):
                key = f"{feed.moment}/{feed.league}", outcome.reason.partition(",")[0]
                counts[key] = counts.get(key, 0) + 1
        assert not drift.unknown, feed

    assert counts == {
        ("2025-06-14T1607/CITA", "Home Team is missing"): 6,
        ("2025-06-21T1805/CITA", "Home Team is missing"): 6,
        ("2025-07-25T2353/all", "Home Team is missing"): 6,
        ("2025-07-25T2353/CITA", "Home Team is missing"): 6,
        ("2025-08-07T0855/CNSWPL", "Date is missing"): 625,
        ("2025-08-09T1505/CNSWPL", "Date is missing"): 93,
    }
