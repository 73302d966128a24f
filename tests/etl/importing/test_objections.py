"""What each guard says of a profile, on its limit and beyond it: no database is needed for that."""

from __future__ import annotations

from typing import Any

import pytest

from etl.importing.declared import Limits
from etl.importing.guards import ACCIDENTS, FINAL, GUARDS, WAYS_OUT, objections
from etl.importing.profile import ColumnChange, Profile, Sign

LIMITS = Limits()
PLAIN: dict[str, Any] = {
    "league": "CITA", "kind": "schedules", "rows": 100, "records": 100, "changed": 10, "unchanged": 90, "stored": 100,
    "linked": 200,
}  # fmt: skip


def said(limits: Limits = LIMITS, **changes: Any) -> list[str]:
    """The objections to a part that is plain but for some changes."""
    return [str(objection) for objection in objections(Profile(**{**PLAIN, **changes}), limits)]


def column(**changes: ColumnChange) -> dict[str, Any]:
    return {"columns": changes}


def sign(name: str, count: int, among: int = 100, words: str = "") -> dict[str, Any]:
    return {"signs": {name: Sign(count, among, words)}}


def gone(stored: int, matched: int, records: int = 0, **more: Any) -> dict[str, Any]:
    return {"stored": stored, "changed": 0, "unchanged": matched, "records": records or matched, **more}


def refused(rejects: int, rows: int, **more: Any) -> dict[str, Any]:
    return {"rejects": rejects, "rows": rows, "records": rows - rejects, **more}


DATE = ("the date is missing", 4)
NO_ROWS = "nothing is published over what is there"
MISSING = "rows that the table holds of this season"
SERIES = ("a", "b", "c", "d", "e", "f", "g")
SAID: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    # texts in a wrong encoding: more than a hundredth, and ten at least
    ({"garbled": 9, "rejects": 9}, []),
    (
        {"garbled": 10, "rejects": 10},
        ["wrong_encoding: 10 of 100 rows have texts that were decoded in a wrong encoding"],
    ),
    ({"garbled": 10, "rejects": 10, "rows": 1_000}, []), ({"garbled": 19, "rejects": 19, "rows": 2_000}, []),
    ({"garbled": 11, "rejects": 11, "rows": 1_000},
     ["wrong_encoding: 11 of 1,000 rows have texts that were decoded in a wrong encoding"]),
    # nothing to publish
    ({"records": 0, "rows": 0}, [f"empty_feed: the feed has no rows; {NO_ROWS}"]),
    ({"records": 0, "rows": 1}, [f"empty_feed: the feed has 1 row, all of them refused; {NO_ROWS}"]),
    ({"records": 0, "rows": 7, "refused_for": DATE},
     [f"empty_feed: the feed has 7 rows, all of them refused; 4 because the date is missing; {NO_ROWS}"]),
    ({"records": 0, "rows": 7, "refused_for": ("x", 1)},
     [f"empty_feed: the feed has 7 rows, all of them refused; {NO_ROWS}"]),
    ({"records": 0, "rows": 0, "partial": True}, []),
    ({"records": 0, "rows": 0, "linked": 0, "truncated": "cut"}, [f"empty_feed: the feed has no rows; {NO_ROWS}"]),
    ({"records": 0, "rows": 0, "linked": 0, "unlinked": 4, "newly_unlinked": 4, "stored": 0},
     ["newly_unlinked: 4 of 4 sides have newly no team: no name means a team of CITA; import the standings of this"
      " league first"]),
    # cut off
    ({"truncated": "it ends in row 5"},
     ["truncated: it ends in row 5; what was cut off would count as withdrawn"]),
    # rejects: more than a twentieth, and ten or half of all
    (refused(10, 200), []),
    (refused(11, 200), ["too_many_rejects: 11 of 200 rows were refused (6%), at most 5% may be"]),
    (refused(11, 200, garbled=2), []),
    (refused(9, 19), []),
    (refused(9, 18), ["too_many_rejects: 9 of 18 rows were refused (50%), at most 5% may be"]),
    (refused(10, 100, refused_for=DATE),
     ["too_many_rejects: 10 of 100 rows were refused (10%), at most 5% may be; 4 because the date is missing"]),
    (refused(50, 100, partial=True), []),
    # fewer rows than the table has
    (gone(100, 80), []),
    (gone(100, 79), [f"shrunken_feed: CITA has 79 of the 100 {MISSING}: 21% are missing, at most 20% may be"]),
    (gone(100, 70, 71),
     [f"shrunken_feed: CITA has 70 of the 100 {MISSING}: 30% are missing, at most 20% may be; the feed has 71 rows"]),
    (gone(10, 7), [f"shrunken_feed: CITA has 7 of the 10 {MISSING}: 30% are missing, at most 20% may be"]),
    (gone(9, 1), []), (gone(100, 70, partial=True), []), (gone(100, 120), []),
    (gone(100, 0, 40, new_season=True), []),
    (gone(100, 0, 39, new_season=True),
     ["shrunken_feed: CITA has 39 rows for a new season, less than 40% of the 100 that the last one has"]),
    # series that are missing as a whole
    (gone(100, 90, series_gone=SERIES[:5]),
     ["vanished_series: 5 series of CITA are missing as a whole: a, b, c, d, e"]),
    (gone(100, 90, series_gone=SERIES),
     ["vanished_series: 7 series of CITA are missing as a whole: a, b, c, d, e and 2 more"]),
    (gone(100, 91, series_gone=SERIES), []), (gone(100, 90, series_gone=SERIES, partial=True), []),
    (gone(100, 90, series_gone=SERIES, new_season=True), []),
    # names without a team
    ({"linked": 190, "unlinked": 10, "newly_unlinked": 10}, []),
    ({"linked": 189, "unlinked": 11, "newly_unlinked": 11},
     ["newly_unlinked: 11 of 200 sides have newly no team (5.5%), at most 5% may; see rally-health names unresolved"]),
    ({"linked": 0, "unlinked": 0, "newly_unlinked": 0}, []),
    # columns that lose their values; a side does so with a name that means no team any more
    (column(location=ColumnChange(0, 20)), []),
    (column(location=ColumnChange(0, 21)),
     ["emptied: location would be emptied in 21 of 100 rows, at most 20% may"]),
    (column(home_team_id=ColumnChange(0, 25)) | {"newly_unlinked": 5}, []),
    (column(home_team_id=ColumnChange(0, 26)) | {"newly_unlinked": 5},
     ["emptied: home_team_id would be emptied in 26 of 100 rows, at most 20% may"]),
    (column(location=ColumnChange(0, 25)) | {"newly_unlinked": 5},
     ["emptied: location would be emptied in 25 of 100 rows, at most 20% may"]),
    (column(captain_status=ColumnChange(0, 99)), []),
    (column(location=ColumnChange(0, 50)) | {"new_season": True, "stored": 0}, []),
    # columns that seldom change; teams and places have a wider limit
    (column(match_time=ColumnChange(20, 0)), []),
    (column(match_time=ColumnChange(21, 0)),
     ["rewritten: match_time would change in 21 of 100 rows, at most 20% may"]),
    (column(location=ColumnChange(50, 0), home_team_id=ColumnChange(50, 0), home_team=ColumnChange(99, 0)), []),
    (column(location=ColumnChange(51, 0), home_team_id=ColumnChange(52, 0)),
     ["rewritten: home_team_id would change in 52 of 100 rows, at most 50% may",
      "rewritten: location would change in 51 of 100 rows, at most 50% may"]),
    (column(match_time=ColumnChange(99, 0)) | {"new_season": True, "stored": 0}, []),
    # a sign explains the columns that it changes
    (column(home_team_id=ColumnChange(60, 0), match_time=ColumnChange(60, 0)) | sign("sides_turned", 11),
     ["sides_turned: home and away are turned round in 11 of 100 rows",
      "rewritten: match_time would change in 60 of 100 rows, at most 20% may"]),
    (column(home_team_id=ColumnChange(60, 0)) | sign("sides_turned", 10),
     ["rewritten: home_team_id would change in 60 of 100 rows, at most 50% may"]),
    (sign("mended", 99), []),
    # known accidents: their limit, their name, their words
    (sign("another_league", 26, words="APTA"),
    ["another_league: 26 of 100 rows stand in the table in another league: APTA"]),
    (sign("another_league", 25, words="APTA"), []),
    (sign("doubled_people", 10), ["doubled: 10 of 100 people stand in the feed under two ids"]),
    (sign("doubled_people", 9), []),
    (sign("dates_shifted", 26, words="7 days"), ["dates_shifted: dates are shifted by 7 days in 26 of 100 rows"]),
    (sign("points_one_value", 98, words="points is '0'"), ["one_value: points is '0' in 98 of 100 rows"]),
    (sign("points_one_value", 97, words="points is '0'"), []),
    (sign("points_one_value", 98) | {"new_season": True, "stored": 0}, []),
    (sign("ratings_jumped", 26, words="5") | {"new_season": True, "stored": 0}, []),
    (sign("other_ids", 10), ["other_ids: 10 of 100 player ids are of another scheme"]),
    (sign("other_ids", 10) | {"corrected": ("ids",)}, []),
    (sign("ids_replaced", 21), ["ids_replaced: 21 of 100 people have another id than before"]),
    (sign("ids_replaced", 21) | {"corrected": ("ids",)}, []),
    (sign("ids_replaced", 21) | {"corrected": ("scores",)},
     ["ids_replaced: 21 of 100 people have another id than before"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "objected"), SAID)
def test_a_part_is_objected_to_beyond_a_limit_and_not_on_it(changes: dict[str, Any], objected: list[str]) -> None:
    assert said(**changes) == objected


def test_a_surer_sign_speaks_alone() -> None:
    signs = {name: Sign(30, 100, "w") for name in ("scores_turned", "scores_wrong", "winners_wrong")}

    assert said(signs=signs) == [
        "scores_turned: scores are turned round in 30 of 100 results",
        "winners_turned: scores and winners disagree in 30 of 100 results; w: winners turned",
    ]


@pytest.mark.parametrize(("same", "named"), [(98, ["one_value"]), (97, ["winners_turned"])])
def test_one_winner_for_all_turns_half_of_them(same: int, named: list[str]) -> None:
    signs = {"winners_turned": Sign(50, 100, ""), "winner_one_value": Sign(same, 100, "winner is 'home'")}

    assert [one.partition(":")[0] for one in said(signs=signs)] == named


def test_nothing_else_is_said_of_a_part_that_is_empty_but_its_encoding() -> None:
    found = said(records=0, rows=50, garbled=20, rejects=50, truncated="cut", signs={"negative": Sign(50, 50, "")})

    assert found == [
        "wrong_encoding: 20 of 50 rows have texts that were decoded in a wrong encoding",
        f"empty_feed: the feed has 50 rows, all of them refused; {NO_ROWS}",
    ]


def test_limits_are_those_of_the_settings() -> None:
    strict = Limits(shrunk=0.1, fewest=1, rejects=0)

    assert said(strict, **gone(100, 89))[0].endswith("11% are missing, at most 10% may be")
    assert said(strict, **refused(1, 100)) == ["too_many_rejects: 1 of 100 rows were refused (1%), at most 0% may be"]


def test_each_accident_is_held_beyond_its_own_limit() -> None:
    """A thousand rows, so that a limit of a hundredth is ten of them."""
    for name, accident in ACCIDENTS.items():
        limit = round(getattr(LIMITS, accident.limit) * 1_000)
        least, beyond = (Profile(**PLAIN, signs={name: Sign(count, 1_000, "w")}) for count in (limit, limit + 1))

        assert objections(least, LIMITS) == (), name
        assert [str(one).partition(":")[0] for one in objections(beyond, LIMITS)] == [accident.name], name


def test_each_guard_has_a_way_out() -> None:
    assert {guard.name for guard in GUARDS if guard.name not in WAYS_OUT} == set()
    assert frozenset({"empty_feed"}) == FINAL


@pytest.mark.parametrize(("count", "among", "share"), [(3, 4, 0.75), (0, 4, 0.0), (3, 0, 0.0)])
def test_a_sign_is_a_share_of_the_rows(count: int, among: int, share: float) -> None:
    assert Sign(count, among, "").share == share
