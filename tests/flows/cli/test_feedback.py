"""`rally-health feedback`, the size that a check notes, and what a report says of machine and Prefect."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select

from etl.tables import check_runs, leagues
from tests.flows.conftest import Run

WORDS = "our captain Dana has no matches, 847-555-0134"


@pytest.fixture
def entered(database: Engine, run: Run) -> Run:
    """A league, and one complaint about it."""
    with database.begin() as connection:
        connection.execute(leagues.insert().values(league_id="CITA", league_name="CITA"))
    ran = run("feedback", "add", "--league", "cita", "--team", "Exmoor - 8", "--text", WORDS, "--by", "kim")

    assert "no rule has seen it. Next: rally-health feedback link 1 INCIDENT" in ran.out
    return run


def test_its_words_are_shown_to_nobody_without_the_right(entered: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [entered("feedback", "list").out, entered("feedback", "list", "--json").out,
             entered("report", "weekly").out, entered("report", "annual", "--json").out]  # fmt: skip

    assert ["Dana" in text for text in shown] == [False] * 4
    assert "#1" in shown[2]
    monkeypatch.setenv("RALLY_SHOW_ROWS", "true")
    assert entered("feedback", "list", "--json").json()[0]["text"] == "our captain Dana has no matches, [phone]"


def test_a_person_links_and_erases(entered: Run) -> None:
    assert entered("feedback", "link", "1", "7").code == 2
    assert "no rule has seen it" in entered("feedback", "link", "1", "--by", "lee").out
    assert entered("feedback", "erase", "1").out == "The words of complaint 1 are gone.\n"
    assert [(one["linked_by"], one["noticed"]) for one in entered("feedback", "list", "--json").json()] == [
        ("lee", "by no rule")
    ]


@pytest.mark.parametrize("arguments", [("--league", "CIT", "--text", "x"), ("--league", "CITA", "--text", " ")])
def test_what_cannot_be_entered_is_wrong_usage(entered: Run, arguments: tuple[str, ...]) -> None:
    assert entered("feedback", "add", *arguments).code == 2


def test_nobody_complained(run: Run) -> None:
    assert run("feedback", "list").out == "Nobody complained. Next: rally-health feedback add --help\n"


def test_a_kept_check_notes_how_large_the_database_is(run: Run, database: Engine) -> None:
    run("check", "--name", "twin_team")

    with database.connect() as connection:
        assert connection.scalars(select(check_runs.c.database_bytes)).one() > 1_000_000


def test_a_report_says_how_machine_and_prefect_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    away = {fact["what"]: fact for fact in run("report", "weekly", "--json").json()["system"]}
    monkeypatch.setenv("PREFECT_API_URL", "")
    without = {fact["what"]: fact for fact in run("report", "weekly", "--json").json()["system"]}

    assert (away["Prefect"]["said"], away["Prefect"]["fine"]) == ("does not answer (ConnectError)", False)
    assert without["Prefect"]["said"] == "no API is set"
    assert away["disk of reports"]["said"].endswith("free")
    assert away["database"]["said"] == "a server of its own"


def test_a_daily_report_asks_nobody_about_the_system(run: Run) -> None:
    assert run("report", "daily", "--json").json()["system"] == []
