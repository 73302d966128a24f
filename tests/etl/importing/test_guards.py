"""What is not published: nothing over something, half a feed, rows nobody could read, names that lost their team."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from etl.feeds import Feed
from etl.importing import FeedResult, Objection, Outcome
from etl.importing.declared import Limits, Seasons
from etl.importing.guards import Verdict
from etl.importing.held import held_parts, ways_out
from etl.importing.import_run import retry_part
from etl.importing.options import Allowance, Options
from etl.importing.profile import Profile, in_words
from etl.records.fields import GARBLED
from etl.tables import import_feeds, rejects, schedule
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import APTA, fixture, publish, publish_one, rows_of, standing, write

TEAMS = ("Birchwood - 11", "Tennaqua - 11")
NO_DATE = "because date is not MM/DD/YYYY, YYYY-MM-DD or DD-Mon-YY between 1990 and 2100"


def scheduled(engine: Engine, folder: Path, *rows: object, **options: object) -> FeedResult:
    return publish_one(engine, write(folder, "schedules", rows), **options)


def two_teams_with_fixtures(engine: Engine, folder: Path) -> None:
    """A league of two teams with ten fixtures."""
    publish_one(engine, write(folder, "series_stats", [standing(name) for name in TEAMS]))
    scheduled(engine, folder, *(fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(two_teams_with_fixtures)


def test_an_empty_feed_is_not_published_over_a_full_one(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path)

    assert result.outcome is Outcome.BLOCKED
    assert result.reasons == ("empty_feed: the feed has no rows; nothing is published over what is there",)
    assert len(rows_of(league, schedule, "id")) == 10


def test_a_feed_half_the_size_is_held(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024", time="") for day in range(1, 6)))

    assert result.reasons == (
        "shrunken_feed: APTA_CHICAGO has 5 of the 10 rows that the table holds of this season: 50% are missing, at most"
        " 20% may be",
    )
    assert rows_of(league, schedule, "match_time")[0] != (None,)


def test_a_feed_a_fifth_smaller_is_still_published(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 9)))

    assert result.outcome is Outcome.PUBLISHED


def test_a_new_season_has_no_volume_to_be_compared_with(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path, fixture(*TEAMS, "10/01/2025"), fixture(*TEAMS, "10/08/2025"))

    assert (result.outcome, result.counts.inserted) == (Outcome.PUBLISHED, 2)


@pytest.mark.parametrize(
    ("seasons", "outcome"),
    [
        (Seasons(), Outcome.BLOCKED),
        (Seasons(break_days=40), Outcome.PUBLISHED),
        (Seasons(leagues={"apta chicago": 40}), Outcome.PUBLISHED),
        (Seasons(break_days=41), Outcome.BLOCKED),
        (Seasons(leagues={"CITA": 40}), Outcome.BLOCKED),
        (Seasons(break_days=40, leagues={"APTA_CHICAGO": 41}), Outcome.BLOCKED),
    ],
)
def test_which_break_ends_a_season_is_said_for_all_leagues_or_for_one(
    league: Engine, tmp_path: Path, seasons: Seasons, outcome: Outcome
) -> None:
    spring = (fixture(*TEAMS, "11/20/2024"), fixture(*TEAMS, "11/27/2024"))  # 41 days after the last of ten

    result = scheduled(league, tmp_path, *spring, seasons=seasons)

    assert result.outcome is outcome
    assert [reason.partition(":")[0] for reason in result.reasons] == ["shrunken_feed"] * (outcome is Outcome.BLOCKED)


def test_a_stray_row_of_last_season_makes_nothing_of_it_vanish_or_move(league: Engine, tmp_path: Path) -> None:
    """The same teams meet a year later; one late row of last season stands in the new season's feed."""
    new = [fixture(*TEAMS, f"{month}/{day:02}/2025") for month in (10, 11) for day in range(1, 21)]

    result = scheduled(league, tmp_path, fixture(*TEAMS, "10/07/2024"), *new)

    assert (result.outcome, result.reasons) == (Outcome.PUBLISHED, ())
    assert (result.counts.inserted, result.counts.updated, result.counts.withdrawn) == (40, 0, 0)
    assert len(rows_of(league, schedule, "id")) == 50


def test_with_prune_a_stray_row_asks_for_its_whole_season(league: Engine, tmp_path: Path) -> None:
    new = [fixture(*TEAMS, f"{month}/{day:02}/2025") for month in (10, 11) for day in range(1, 21)]

    result = scheduled(league, tmp_path, fixture(*TEAMS, "10/07/2024"), *new, prune=True)

    assert result.outcome is Outcome.BLOCKED


def test_a_league_that_is_missing_in_the_merged_feed_holds_back_no_other(database: Engine, tmp_path: Path) -> None:
    both = [standing(name) for name in TEAMS] + [standing(f"{n} 1", "Series 1", "CITA") for n in ("Fox", "Elm")]
    publish_one(database, write(tmp_path, "series_stats", both, "all"))

    again = [standing(name, points=31) for name in TEAMS]
    result = publish_one(database, write(tmp_path, "series_stats", again, "all"))

    assert (result.outcome, result.counts.updated) == (Outcome.PUBLISHED, 2)
    assert result.remarks == ("it has nothing of CITA, which has no fixture",)


def test_too_many_rejects_block_the_good_rows_with_them(league: Engine, tmp_path: Path) -> None:
    good = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)]

    result = scheduled(league, tmp_path, *good, *[fixture(*TEAMS, "13/45/2024")] * 10)

    assert result.reasons == (f"too_many_rejects: 10 of 20 rows were refused (50%), at most 5% may be; 10 {NO_DATE}",)


@pytest.mark.parametrize(("bad", "outcome"), [(1, Outcome.PUBLISHED), (9, Outcome.PUBLISHED), (10, Outcome.BLOCKED)])
def test_a_share_of_a_handful_of_rows_holds_nothing(league: Engine, tmp_path: Path, bad: int, outcome: Outcome) -> None:
    good = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)]

    assert scheduled(league, tmp_path, *good, *[fixture(*TEAMS, "13/45/2024")] * bad).outcome is outcome


def test_rows_of_which_most_are_refused_are_held_however_few_they_are(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", list(map(standing, TEAMS))))
    result = scheduled(database, tmp_path, fixture(*TEAMS), *[fixture(*TEAMS, "13/45/2024")] * 2)

    assert f"too_many_rejects: 2 of 3 rows were refused (67%), at most 5% may be; 2 {NO_DATE}" in result.reasons


LOST = ["Caf\ufffd Elm", "Ţ€Å“x Elm", "Caf\udce9 Elm"]


@pytest.mark.parametrize("place", LOST)
def test_a_text_that_was_decoded_wrongly_is_a_reject_that_says_so(league: Engine, tmp_path: Path, place: str) -> None:
    good = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 10)]

    result = scheduled(league, tmp_path, *good, fixture(*TEAMS, "10/10/2024", location=place))

    assert (result.outcome, result.counts.rejects) == (Outcome.PUBLISHED, 1)
    ((reason,),) = rows_of(league, rejects, "reason")
    assert GARBLED.search(reason), reason
    assert {location for (location,) in rows_of(league, schedule, "location")} == {"Birchwood"}


@pytest.mark.parametrize("place", LOST)
def test_many_of_them_hold_the_part_by_that_name(league: Engine, tmp_path: Path, place: str) -> None:
    good = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)]

    result = scheduled(league, tmp_path, *good, *(fixture(*TEAMS, f"10/{day}/2024", location=place)
                                                  for day in range(11, 21)))  # fmt: skip

    assert result.reasons == ("wrong_encoding: 10 of 20 rows have texts that were decoded in a wrong encoding",)


def test_a_held_part_that_is_tried_again_still_lacks_what_could_not_be_read(league: Engine, tmp_path: Path) -> None:
    """Its rejects are not among the rows that were kept of it: an alias would publish the rest as the whole."""
    good = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)]
    scheduled(league, tmp_path, *good, *[fixture(*TEAMS, "13/45/2024")] * 10)
    with league.begin() as connection:
        (part,) = held_parts(connection)

    again = retry_part(league, part.id, Options())

    assert again.feeds[0].reasons == ("too_many_rejects: 10 of 20 rows were refused (50%), at most 5% may be",)


def test_names_that_lost_their_team_block_the_feed(league: Engine, tmp_path: Path) -> None:
    rows = [fixture("Birchwud Tennis - 11", TEAMS[1], f"10/{day:02}/2024") for day in range(1, 11)]

    result = scheduled(league, tmp_path, *rows)

    assert result.reasons == (
        "newly_unlinked: 10 of 20 sides have newly no team (50.0%), at most 5% may; see rally-health names unresolved",
    )


def test_names_that_never_had_a_team_block_only_once(league: Engine, tmp_path: Path) -> None:
    rows = [fixture("Birchwud Tennis - 11", TEAMS[1], f"10/{day:02}/2024") for day in range(1, 11)]
    scheduled(league, tmp_path, *rows, allow=Allowance(frozenset({"newly_unlinked"}), "dba", "a new club"))

    again = scheduled(league, tmp_path, *rows, force=True)

    assert (again.outcome, again.counts.unlinked, again.counts.newly_unlinked) == (Outcome.PUBLISHED, 10, 0)


def test_an_objection_that_is_let_pass_is_recorded_with_who_and_why(league: Engine, tmp_path: Path) -> None:
    few = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 4)]

    result = scheduled(league, tmp_path, *few, allow=Allowance(frozenset({"shrunken_feed"}), "dba", "season ended"))

    assert result.outcome is Outcome.PUBLISHED
    (recorded,) = rows_of(league, import_feeds, "allowed")[-1]
    assert [(one["rule"], one["who"], one["why"]) for one in recorded] == [("shrunken_feed", "dba", "season ended")]


def test_a_blocked_feed_is_compared_with_what_was_published_and_not_with_itself(league: Engine, tmp_path: Path) -> None:
    scheduled(league, tmp_path)

    again = scheduled(league, tmp_path)

    assert again.outcome is Outcome.BLOCKED


def test_a_blocked_feed_holds_back_no_other(league: Engine, tmp_path: Path) -> None:
    write(tmp_path, "schedules", [])
    path = write(tmp_path, "series_stats", [standing(name, points=31) for name in TEAMS])

    result = publish_one(league, path)

    assert result.counts.updated == 2


EATING = (
    ("before insert", "return null"),
    ("before insert", "new.home_team = 'eaten'"),
    ("after insert", "delete from schedule where id = new.id"),
)


@pytest.mark.parametrize(("when", "deed"), EATING)
def test_rows_that_go_nowhere_are_never_committed(league: Engine, tmp_path: Path, when: str, deed: str) -> None:
    """What was lost in 2025 was lost in silence; here a trigger eats a row, and the feed fails."""
    with league.begin() as connection:
        connection.exec_driver_sql(
            "create function eat() returns trigger language plpgsql as"
            f" $$ begin if new.match_date = '2024-10-15' then {deed}; end if; return new; end $$"
        )
        connection.exec_driver_sql(f"create trigger eat {when} on schedule for each row execute function eat()")

    result = scheduled(league, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 21)))

    assert result.outcome is Outcome.FAILED
    assert result.reasons == ("20 records were staged, and 19 are accounted for; nothing is published",)
    assert len(rows_of(league, schedule, "id")) == 10


def person(number: int, **changes: object) -> dict[str, object]:
    return {"League": "APTA_CHICAGO", "Club": "Birchwood", "Series": "Chicago 11", "Team": TEAMS[0], "PTI": "30.5",
            "Player ID": f"nndz-{number:016x}", "First Name": f"A{number}", "Last Name": f"B{number}", "Wins": "1",
            "Losses": "0", "Win %": "100.0%", "Captain": ""} | changes  # fmt: skip


def test_ratings_that_are_all_empty_are_held_within_a_season(league: Engine, tmp_path: Path) -> None:
    publish_one(league, write(tmp_path, "players", [person(n) for n in range(20)]))

    result = publish_one(league, write(tmp_path, "players", [person(n, PTI="N/A") for n in range(20)]))

    assert result.reasons == ("emptied: pti is empty in 20 of 20 rows, and not in the table",)


def test_a_part_says_what_would_change_by_column_with_rows_to_look_at(league: Engine, tmp_path: Path) -> None:
    rows = [fixture(*TEAMS, f"10/{day:02}/2024", time="" if day == 3 else "07:00 pm") for day in range(1, 4)]

    new = [fixture(*TEAMS, f"10/{day}/2024") for day in (28, 29, 30)]
    (part,) = scheduled(league, tmp_path, *rows, *new, limits=Limits(shrunk=1)).parts

    assert list(in_words(part.profile)) == [
        "3 new, 3 changed, 7 gone", "match_time: 2 changed, 1 emptied",
        "such as rows 0 (id 1), 1 (id 2), 2 (id 3), 3, 4 of the feed",
    ]  # fmt: skip


def test_mended_names_are_counted(league: Engine, tmp_path: Path) -> None:
    result = publish_one(league, write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Tennaqua - 11"),
                                                                 standing("Oak &amp; Elm - 11")]))  # fmt: skip

    assert result.parts[0].profile["mended"] == 1


REFUSING = """create function refuse() returns trigger language plpgsql as
$$begin raise exception 'no second meeting' using errcode = 'unique_violation', detail = 'a name'; end$$;
create trigger refuse before insert on schedule for each row when (new.home_team = 'Fox 1') execute function refuse()"""


def test_what_the_database_refuses_is_held_with_its_words_and_stops_nothing_else(
    database: Engine, tmp_path: Path
) -> None:
    cita = [standing(f"{name} 1", "Series 1", "CITA") for name in ("Fox", "Elm")]
    publish_one(database, write(tmp_path, "series_stats", [*map(standing, TEAMS), *cita], "all"))
    with database.begin() as connection:
        connection.execute(text(REFUSING))
    both = [fixture(*TEAMS), fixture("Fox 1", "Elm 1", series="Series 1", League="CITA")]
    path = write(tmp_path, "schedules", both, "all")

    blocked = publish_one(database, path, allow=Allowance(frozenset({"database_refused"}), "dba", "in vain"))

    assert blocked.reasons == ("CITA: database_refused: the database refuses a row of it: no second meeting (SQLSTATE"
                               " 23505)",)  # fmt: skip
    assert (blocked.outcome, blocked.counts.inserted, blocked.counts.held) == (Outcome.BLOCKED, 1, 1)
    with database.begin() as connection:
        (part,) = held_parts(connection)
        assert part.let_pass == f"rally-health imports retry {part.id}"
        connection.execute(text("drop trigger refuse on schedule"))
    _, freed = publish(database, write(tmp_path, "series_stats", list(map(standing, TEAMS)))).feeds
    assert (freed.outcome, freed.counts.inserted) == (Outcome.PUBLISHED, 1)


def test_all_that_must_be_let_pass_is_said_at_once(league: Engine, tmp_path: Path) -> None:
    """Rules of the gate are asked of what guards object to, too: else a person lets one pass, and is told the next."""
    few = [fixture(*TEAMS, f"10/{day:02}/2024", time="07:30 pm") for day in range(1, 6)]

    def gate(connection: Connection, feed: Feed) -> Verdict:
        return lambda counts: [Objection("a_rule", f"{counts.updated} rows")]

    result = scheduled(league, tmp_path, *few, gate=gate)

    assert [reason.partition(":")[0] for reason in result.reasons] == ["shrunken_feed", "a_rule"]
    assert set(rows_of(league, schedule, "match_time")) == {(time(18, 30),)}


def test_a_profile_of_nothing_counts_nothing_and_what_is_gone_is_never_below_it() -> None:
    nothing = Profile(league=APTA, kind="schedules").to_json()

    assert {name: value for name, value in nothing.items() if value} == {
        "league": APTA, "kind": "schedules", "refused_for": ("", 0),
    }  # fmt: skip
    some = Profile(league=APTA, kind="schedules", changed=3, unchanged=40, stored=50)
    assert (some.matched, some.gone, replace(some, stored=42).gone) == (43, 7, 0)


def test_teams_in_another_series_are_told_of_their_own_league_alone(database: Engine, tmp_path: Path) -> None:
    """Twelve names of one league stand in a second one, too, where they play in another series."""
    names = [f"Birchwood {letter}" for letter in "ABCDEFGHIJKL"]
    first = [standing(name, points=number) for number, name in enumerate(names)]
    second = [standing(name, "Series 2", "CNSWPL", points=30 + number) for number, name in enumerate(names[:11])]
    publish_one(database, write(tmp_path, "series_stats", first))
    publish_one(database, write(tmp_path, "series_stats", second[:1], "CNSWPL"))

    theirs = publish_one(database, write(tmp_path, "series_stats", second, "CNSWPL"))
    moved = publish_one(database, write(tmp_path, "series_stats", [row | {"series": "Chicago 12"} for row in first]))

    assert (theirs.outcome, theirs.reasons) == (Outcome.PUBLISHED, ())
    assert [reason for reason in moved.reasons if "12 teams stand in another series than before" in reason]


def test_what_frees_a_part_is_said_once() -> None:
    mended = "a mended feed, or what the rejects lack: rally-health rejects list"

    assert ways_out(["emptied: x", "too_many_rejects: y", "rewritten: z"]) == (mended,)
    assert ways_out(["emptied: x", "rewritten: z"]) == ("a mended feed",)


def test_games_won_and_lost_that_are_swapped_are_told_from_games_that_were_played(
    database: Engine, tmp_path: Path
) -> None:
    """Swapped, both figures are nearer to the other's of before; played on, to their own."""
    teams = [f"Birchwood {letter}" for letter in "ABCDEFGHIJKL"]

    def publish_games(add: int, *, swapped: bool = False) -> FeedResult:
        games = [(20 + 2 * place + add, 40 - place + add) for place in range(len(teams))]
        pairs = [(lost, won) if swapped else (won, lost) for won, lost in games]
        figures = [{"won": won, "lost": lost, "percentage": "50.0%"} for won, lost in pairs]
        rows = [
            standing(team, points=30 + place + add, games=own)
            for place, (team, own) in enumerate(zip(teams, figures, strict=True))
        ]
        return publish_one(database, write(tmp_path, "series_stats", rows))

    first, played_on, turned = publish_games(0), publish_games(9), publish_games(9, swapped=True)

    assert (first.outcome, played_on.outcome, played_on.reasons) == (Outcome.PUBLISHED, Outcome.PUBLISHED, ())
    assert turned.reasons == ("figures_swapped: games_won and games_lost are swapped in 12 of 12 rows",)
