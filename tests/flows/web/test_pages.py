"""Each page is there, says what commands say, and leads on to what its figures are made of."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.pool import NullPool

from alerts.incidents.store import listed
from checks.engine.authoring.units import Status
from checks.engine.collecting.collect import collect
from checks.engine.judging.judge import Cluster
from checks.render.formats import PageLinks
from checks.review.reading import read_book
from checks.review.section import review
from checks.review.sections.figures import DAILY_FIGURES
from checks.review.sections.process import PROCESS_METRICS
from checks.review.values import Period, PeriodKind
from checks.scopes import SOURCES
from checks.stored import stored_runs
from etl import circuit_breaker
from etl.tables import check_results, feedback, import_feeds
from flows.web.render import PAGES
from flows.web.rules import where
from flows.web.view import Page, PageRequest
from tests.checks.review.hostile import HOSTILE, plant_hostile
from tests.checks.review.html.test_page import Page as Parsed
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import FIRST, NOW
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.conftest import Run
from tests.flows.web.conftest import Place, serving


def addresses(place: Place, page: Page, now: datetime = NOW, most: int = 3) -> list[str]:
    """Some addresses of a page that exist."""
    if page.keys is None:
        return [f"/{page.kind}"]
    with place.engine.connect() as connection:
        asked = PageRequest(connection, collect(SOURCES), place.settings, now)
        return [PageLinks("")(page.kind, key) for key in list(page.keys(asked))[:most]]


def links(text: str) -> set[str]:
    return {unquote(link) for link in re.findall(r'href="(/[^"]*)"', text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.kind or "overview")
def test_every_page_is_whole_and_asks_no_other_place(place: Place, page: Page) -> None:
    found = addresses(place, page)

    assert found or page.kind == "league"  # the season has no scores of leagues
    for address in found:
        answer = place.get(address)
        parsed = Parsed(answer.text)
        assert (answer.status_code, parsed.wrong, parsed.open) == (200, [], [])
        asked = {value for name, value in parsed.attributes if name in {"src", "href", "action"} and value}
        assert {value for value in asked if not value.startswith(("/", "#", "?", "data:,"))} == set()
        assert [name for name, count in parsed.ids.items() if count > 1] == []


def test_the_overview_says_what_history_and_reports_say(place: Place) -> None:
    period = Period.of(PeriodKind.WEEKLY, NOW)
    with place.engine.connect() as connection:
        report = review(read_book(connection, period), collect(SOURCES), period)
        newest = next(run for run in stored_runs(connection, 100) if run.selection == "all" and not run.apart)
        known = listed(connection)
    text = place.get().text

    assert report.run is not None
    assert f'<p class="score">{newest.score} <small>of 100' in text
    assert report.run.score == newest.score
    for metric in report.of(DAILY_FIGURES):
        assert f'<p class="figure">{metric.figure.said} ' in text
    for figure in report.of(PROCESS_METRICS):
        assert f'<td data-label="value">{figure.said}</td>' in text
    assert f"{len(known)} open, worst first" in text
    assert str(report.step).replace(">", "&gt;").replace("'", "&#39;") in text


def test_the_page_of_a_rule_says_what_the_database_says(place: Place) -> None:
    own = check_results.c
    newest = select(own.count, own.total, own.run_id).where(own.rule == "match_without_teams", own.at < NOW)
    with place.engine.connect() as connection:
        row = connection.execute(newest.order_by(own.at.desc()).limit(1)).one()
    text = place.get("/rule/match_without_teams").text

    assert f"<dd>{row.count:,} of {row.total:,}" in text
    assert f"/run/{row.run_id}" in text


def test_the_page_of_an_import_counts_what_the_ledger_counts(place: Place) -> None:
    with place.engine.connect() as connection:
        number, rows = connection.execute(select(import_feeds.c.run_id, import_feeds.c.rows).limit(1)).one()

    assert f'<td data-label="rows" class="n">{rows:,}</td>' in place.get(f"/import/{number}").text


def test_from_an_incident_rows_cause_runbook_and_fix_are_one_click_away(place: Place) -> None:
    """The 6 a.m. SMS names the rule: overview, incident, and there is everything."""
    with place.engine.connect() as connection:
        (incident,) = [one for one in listed(connection) if one.rule == "standing_without_team"]
    first = place.get()
    assert f"/incident/{incident.id}" in links(first.text)

    second = place.get(f"/incident/{incident.id}")

    assert {f"/rule/{incident.rule}"} <= links(second.text)
    assert "What may have brought it" in second.text
    assert f"rally-health check --name {incident.rule} --detailed" in second.text
    assert "Timeline" in second.text


def test_a_place_where_bad_rows_cluster_leads_to_its_league() -> None:
    in_a_league = Cluster((("league", "CNSWPL"), ("series", "12")), 58, 62, 100, 3.0)
    in_none = Cluster((("club", "Birchwood"), ("league", "none")), 4, 62, 9, 2.0)

    assert list(where([in_a_league, in_none])) == [
        ("where", "58 of 62 in CNSWPL, series 12", ("league", "CNSWPL")),
        ("where", "4 of 62 in Birchwood, league none", None),
    ]


def test_the_cause_is_what_was_imported_since_the_rule_was_well(place: Place) -> None:
    with place.engine.connect() as connection:
        number = next(one.id for one in listed(connection, resolved_since=FIRST) if one.rule == "matches_in_schedule")
        well = connection.scalar(
            select(func.max(check_results.c.at)).where(
                check_results.c.rule == "matches_in_schedule", check_results.c.status == "OK",
                check_results.c.at < FIRST + timedelta(days=50),
            )
        )  # fmt: skip
        brought = select(import_feeds.c.run_id).where(
            import_feeds.c.finished_at > well, import_feeds.c.finished_at <= FIRST + timedelta(days=50),
            import_feeds.c.updated > 0,
        )  # fmt: skip
        imports = set(connection.scalars(brought))

    shown = {link for link in links(place.get(f"/incident/{number}").text) if link.startswith("/import/")}

    assert imports
    assert shown == {f"/import/{number}" for number in imports}


def test_other_limits_are_tried_on_the_history(place: Place) -> None:
    text = place.get("/rule/match_without_teams?warn=0.5%25").text

    assert re.search(r"would have alerted \d+ of 59 times; it did \d+ times", text)
    assert "is no limit" in place.get("/rule/match_without_teams?warn=much").text


def test_lists_are_narrowed_by_what_the_address_asks_for(place: Place) -> None:
    whole, narrowed = (len(links(place.get(path).text)) for path in ("/rules", "/rules?domain=teams&status=WARN"))

    assert narrowed < whole


def test_the_search_finds_rules_and_incidents(place: Place) -> None:
    found = links(place.get("/search?q=standing_without").text)

    assert "/rule/standing_without_team" in found
    assert any(link.startswith("/incident/") for link in found)


@pytest.mark.parametrize(
    "path", ["/nothing", "/rule/none", "/rule", "/run/1", "/run/'--", "/incident/999999999999999999999999",
             "/incident/x", "/import/0", "/import/-1", "/feed/x/y", "/league/none", "/rules/x", "/%00",
             "/assets/..%2f..%2fapp.py"],
)  # fmt: skip
def test_what_is_not_there_is_said_in_a_page(place: Place, path: str) -> None:
    assert place.get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "nearest"),
    [("/rule/Duplicate_Mach", "did you mean duplicate_match?"), ("/rule/xyz", "Rules lists those that there are"),
     ("/league/zzz", "Leagues lists those that there are")],
)  # fmt: skip
def test_a_mistyped_address_names_the_nearest(place: Place, path: str, nearest: str) -> None:
    assert nearest in place.get(path).text


def test_a_mistyped_league_names_the_nearest_that_has_a_score(database: Engine) -> None:
    with database.begin() as connection:
        Plant(connection, collect(SOURCES)).run(FIRST, {}, leagues={"CNSWPL": 91.0, "NSTF": 88.0})
    with serving(database, FIRST + timedelta(hours=1)) as place:
        assert "did you mean CNSWPL?" in place.get("/league/cnswpll").text


@pytest.mark.parametrize(("sort", "down"), [("score", False), ("-score", True)])
def test_without_scripts_a_heading_sorts_its_table(place: Place, sort: str, down: bool) -> None:
    text = place.get(f"/runs?days=60&sort={sort}").text

    cells = re.findall(r'<td data-label="score" class="n">([\d.]+|unknown)</td>', text)
    scores = [float(cell) for cell in cells if cell != "unknown"]
    assert len(scores) > 50
    assert scores == sorted(scores, reverse=down)
    assert f'href="?days=60&amp;sort={"score" if down else "-score"}"' in text


def test_an_order_that_no_table_has_changes_nothing(place: Place) -> None:
    plain, asked = (re.findall(r"<tr .*?</tr>", place.get(f"/rules{query}").text)[1:] for query in ("", "?sort=x"))

    assert plain == asked


@pytest.mark.slow
def test_fifty_who_look_at_once_are_answered(place: Place) -> None:
    paths = ["/", "/rules", "/rule/duplicate_match", "/incidents", "/imports"] * 10
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda path: place.get(path).status_code, paths))

    assert answers == [200] * 50


def test_hostile_data_adds_no_element(database: Engine) -> None:
    with database.begin() as connection:
        plant = Plant(connection, collect(SOURCES))
        plant_hostile(plant, HOSTILE)
    with serving(database, FIRST + timedelta(hours=1)) as place:
        for page in PAGES:
            for address in addresses(place, page, FIRST + timedelta(hours=1), most=12):
                text = place.get(address).text
                parsed = Parsed(text)
                assert (parsed.wrong, parsed.open) == ([], [])
                assert not [name for name, _ in parsed.attributes if name.startswith("on")]
                assert parsed.tags["script"] == 1
                assert parsed.tags["iframe"] == parsed.tags["img"] == 0
                assert "\u202e" not in text


def test_complaints_stand_with_their_incident_and_their_league_without_their_words(database: Engine) -> None:
    with database.begin() as connection:
        number = Plant(connection, collect(SOURCES)).incident(
            "team_without_schedule", Status.CRITICAL, [("opened", FIRST)]
        )
        said = {"at": FIRST + timedelta(hours=2), "league": "CITA", "team": "Exmoor - 8", "entered_by": "kim"}
        other = {**said, "league": "NSTF", "team": "Winnetka S1", "incident_id": None}
        both = ({**said, "incident_id": number}, other)
        connection.execute(feedback.insert(), [{**row, "text": "a secret word"} for row in both])
    with serving(database, FIRST + timedelta(days=1)) as place:
        incident, league, elsewhere = (
            place.get(f"/{page}").text for page in (f"incident/{number}", "league/CITA", "league/NSTF")
        )

    assert all("1 of CITA, Exmoor - 8" in page and "before it came" in page for page in (incident, league))
    assert f"/incident/{number}" in links(league)
    assert "Winnetka" not in incident + league
    assert "2 of NSTF, Winnetka S1" in elsewhere
    assert "by no rule" in elsewhere
    assert "secret" not in incident + league + elsewhere


def test_an_empty_database_says_what_to_do(database: Engine) -> None:
    with serving(database) as place:
        assert "No health check has run yet. Next: rally-health check" in place.get().text
        assert "Nothing was imported yet. Next: rally-health import PATH" in place.get("/imports").text


def test_a_database_that_is_away_is_said_in_a_page(database: Engine) -> None:
    """It is renamed while nobody looks, and then back again."""
    admin = create_engine(database.url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = database.url.database
    with serving(database) as place, admin.connect() as connection:
        database.dispose()
        connection.exec_driver_sql(f"alter database {name} rename to {name}_away")
        away = place.get()
        connection.exec_driver_sql(f"alter database {name}_away rename to {name}")
        back = place.get()

    assert (away.status_code, back.status_code) == (503, 200)
    assert "The database did not answer" in away.text


def test_a_held_part_says_why_it_waits_and_what_frees_it(run: Run, database: Engine, tmp_path: Path) -> None:
    """Half of a league's matches are gone from its feed, and the page says so."""
    names = [f"Club {letter} - 11" for letter in "ABCDEFGH"]
    write(tmp_path, "series_stats", [standing(name) for name in names])
    matches = [fixture(one, other) for one in names for other in names if one < other]
    write(tmp_path, "schedules", matches)
    assert run("import", tmp_path / "APTA_CHICAGO").code == 0
    write(tmp_path, "schedules", matches[:5])
    assert run("import", tmp_path / "APTA_CHICAGO").code == 3

    (part,) = run("imports", "held", "--json").json()
    with serving(database, datetime.now(UTC)) as place:
        overview, imports = (unescape(place.get(path).text) for path in ("/", "/imports"))
        (newest,) = run("imports", "--limit", "1", "--json").json()
        profile = unescape(place.get(f"/import/{newest['run']}").text)

    assert part["reasons"]
    for text in (overview, imports):
        assert part["reasons"][0] in text
        assert part["ways_out"][0] in text
    assert "Change profile" in profile
    assert part["reasons"][0] in profile


def test_a_stop_of_one_league_and_kind_is_said_with_its_moment_in_utc(database: Engine) -> None:
    with database.begin() as connection:
        made = circuit_breaker.stop(connection, "another site", "kim", league="CNSWPL", kind="players")
    with serving(database, datetime.now(UTC), timezone="America/Chicago") as place:
        pages = [unescape(place.get(path).text) for path in ("/", "/imports")]

    since = made.at.astimezone(UTC)
    for text in pages:
        assert f"imports of players of CNSWPL are stopped since {since:%Y-%m-%d %H:%M} UTC by kim: another site" in text
    assert "may run" not in pages[0]


def test_moments_are_those_of_the_clock_that_the_leagues_live_by(planted: Engine) -> None:
    with serving(planted, timezone="America/Chicago") as place:
        text = place.get("/runs").text

    assert "2025-06-30 01:00" in text  # six o'clock in UTC
    assert "2025-06-30 02:00 CDT" in text
