"""What every command has in common: JSON, tables at the width of a terminal, times, and words that agree."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from rich.console import Console
from sqlalchemy import Engine

from checks.engine.authoring.units import number_of
from checks.engine.collecting.collect import collect
from checks.scopes import SOURCES
from etl.repairs.ledger import CONSTRAINT, Change
from etl.tables import import_feeds, import_runs, incidents, rejects
from flows.cli import shared
from flows.cli.main import COMMANDS, completed, load_command
from flows.cli.shared import span_of
from flows.settings import Settings, SettingsError
from flows.web.view import ago
from tests.checks.review.plant import RUN, Plant
from tests.flows.conftest import Run

WHY = "too_many_new: 412 of 7,000 rows are new, at most 5 % may be; nothing is published over what is there"
MORNING = datetime(2025, 6, 30, 6, tzinfo=UTC)
FEED = {
    "id": 12, "started_at": datetime(2025, 6, 30, 8, 9, tzinfo=UTC), "kind": "match_history", "league": "APTA_CHICAGO",
    "outcome": "published", "rows": 7_343, "rejects": 3, "unlinked": 580, "inserted": 0, "updated": 2_263,
    "withdrawn": 0, "why": WHY,
}  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["check", "--json"], ["check", "--json", "-"]),
        (["check", "--json", "--tag", "daily"], ["check", "--json", "-", "--tag", "daily"]),
        (["check", "--json", "-"], ["check", "--json", "-"]),
        (["check", "--json", "report.json"], ["check", "--json", "report.json"]),
        (["imports", "--json", "held"], ["imports", "--json", "held"]),
        (["incidents", "note", "7", "--", "--json"], ["incidents", "note", "7", "--", "--json"]),
    ],
)
def test_json_without_a_file_is_standard_output(typed: list[str], read: list[str]) -> None:
    assert completed(typed) == read


def options(command: Any) -> list[Any]:
    """The options called --json of a command and of all below it."""
    below = [one for child in getattr(command, "commands", {}).values() for one in options(child)]
    return [param for param in command.params if "--json" in param.opts] + below


def test_json_has_one_form_in_every_command() -> None:
    found = [param for name in COMMANDS for param in options(load_command(name))]

    assert len(found) > 30
    assert {(param.metavar, param.is_flag) for param in found} == {("[FILE]", False)}


def test_a_list_goes_to_a_file_and_the_table_to_the_terminal(run: Run, tmp_path: Path) -> None:
    ran = run("incidents", "list", "--json", "out.json")

    assert ran.out == "No incident is open.\n"
    assert json.loads((tmp_path / "out.json").read_text()) == []
    assert run("incidents", "list", "--json").json() == []


def test_a_list_whose_file_cannot_be_written_is_partial(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    assert run("incidents", "list", "--json", "taken/out.json").code == 5


@pytest.mark.parametrize(
    "command",
    [("check", "--json", "--markdown", "-"), ("check", "--json", "--github"), ("report", "daily", "--json", "--html", "-")],  # noqa: E501
    ids=" ".join,
)  # fmt: skip
def test_two_documents_on_one_stream_are_refused(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command)

    assert ran.code == 2
    assert "two documents on standard output" in " ".join(ran.out.split())


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is printed of one row on a terminal of some width."""

    def printed(width: int, row: dict[str, Any]) -> str:
        out = io.StringIO()
        monkeypatch.setattr(shared, "Console", lambda **_: Console(file=out, width=width))
        shared.print_rows([row], list(row), json_file=None, nothing="")
        return out.getvalue()

    return printed


def test_a_table_that_does_not_fit_is_told_in_lines_with_nothing_cut(printed: Any) -> None:
    text = printed(80, FEED)

    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "kind match_history  league APTA_CHICAGO" in text
    assert WHY in " ".join(text.split())
    assert [name for name in FEED if name not in text] == []


def test_a_table_that_fits_has_its_whole_headers_and_folds_sentences_alone(printed: Any) -> None:
    first, *rest = printed(80, {"rule": "match_without_teams", "count": 7, "why": WHY}).splitlines()

    assert first.split() == ["rule", "count", "why"]
    assert rest[0].startswith("match_without_teams      7  too_many_new")
    assert len(rest) > 1


def asked(since: str | None = None, until: str | None = None) -> typer.Context:
    """A command's context with these options."""
    settings = Settings(timezone="America/Chicago")
    return cast("typer.Context", SimpleNamespace(params={"since": since, "until": until}, obj=settings))


def test_a_day_counts_as_a_whole_on_the_clock_of_the_leagues() -> None:
    span = span_of(asked("2025-06-30", "2025-06-30"))

    assert span.since == datetime(2025, 6, 30, 5, tzinfo=UTC)
    assert span.until == datetime(2025, 7, 1, 5, tzinfo=UTC) - timedelta(microseconds=1)


def test_a_moment_is_taken_as_it_stands() -> None:
    assert span_of(asked("2025-06-30T18:00+00:00")).since == datetime(2025, 6, 30, 18, tzinfo=UTC)
    assert span_of(asked("2025-06-30T18:00")).since == datetime(2025, 6, 30, 23, tzinfo=UTC)


def test_an_age_is_counted_from_now() -> None:
    week, hours = span_of(asked("1w", "12h")).since, span_of(asked("1w", "12h")).until

    assert week is not None
    assert hours is not None
    assert timedelta(days=6, hours=11) < hours - week < timedelta(days=6, hours=13)


@pytest.mark.parametrize(("since", "until"), [("yesterday", None), ("2025-13-01", None), ("2025-06-02", "2025-06-01")])
def test_what_is_no_time_is_wrong_usage(since: str, until: str | None) -> None:
    with pytest.raises(SettingsError, match="--since"):
        span_of(asked(since, until))


def test_a_history_is_narrowed_to_a_time(run: Run, database: Engine) -> None:
    with database.begin() as connection:
        plant = Plant(connection, collect(SOURCES))
        for night in range(1, 6):
            plant.run(datetime(2025, 6, night, 18, tzinfo=UTC), {"duplicate_team": (0, 9)})

    days = [one["today"] for one in run("history", "--since", "2025-06-02", "--until", "2025-06-04", "--json").json()]

    assert days == [date(2025, 6, night).isoformat() for night in (4, 3, 2)]
    assert run("history", "duplicate_team", "--since", "2025-06-05").out.count("\n") == 1
    assert run("history", "--since", "2025-07-01").out == "Nothing ran in that time.\n"


@pytest.fixture
def refused(database: Engine) -> tuple[int, int]:
    """One row that a feed brought on two nights and that was refused on both: the ids of the feeds."""
    with database.begin() as connection:
        run = connection.execute(
            import_runs.insert().values(paths=[], outcome="published").returning(import_runs.c.id)
        ).scalar_one()
        feeds = []
        for night in (1, 2):
            at = datetime(2025, 6, night, 5, tzinfo=UTC)
            values = {"run_id": run, "path": f"{night}/schedules.json", "kind": "schedules", "league": "CITA",
                      "outcome": "published", "started_at": at, "finished_at": at}  # fmt: skip
            feed = connection.execute(import_feeds.insert().values(values).returning(import_feeds.c.id)).scalar_one()
            raw = {"feed_id": feed, "index": night, "field": "date", "reason": "date is missing", "raw": '{"a": 1}'}
            connection.execute(rejects.insert(), raw)
            feeds.append(feed)
    return feeds[0], feeds[1]


def test_a_settled_row_waits_no_more_nor_does_it_when_its_feed_brings_it_again(
    run: Run, refused: tuple[int, int]
) -> None:
    earlier, _ = refused

    ran = run("rejects", "settle", "--feed", earlier, "--reason", "a friendly", "--by", "kim")

    assert ran.out == "1 row settled by kim. Next: rally-health rejects list\n"
    assert run("rejects", "list").out == "No row is waiting.\n"


def test_who_settled_what_is_in_the_governance_of_the_report(run: Run, refused: tuple[int, int]) -> None:
    run("rejects", "settle", "--feed", refused[1], "--reason", "a friendly", "--by", "kim")

    deeds = run("report", "weekly", "--json").json()["governance"]

    assert [(deed["by"], deed["kind"], deed["what"], deed["reason"]) for deed in deeds] == [
        ("kim", "settled", "1 reject of schedules of CITA", "a friendly")
    ]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    "arguments", [("99999", "--reason", "x"), ("--reason", "x"), ("1", "--reason", " ")], ids=" ".join
)
def test_what_cannot_be_settled_is_wrong_usage_and_settles_nothing(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("rejects", "settle", *arguments).code == 2
    assert len(run("rejects", "list", "--json").json()) == 2


def test_words_agree_with_their_number() -> None:
    assert [number_of(number, "new bad rows") for number in (0, 1, 2_058)] == [
        "0 new bad rows", "1 new bad row", "2,058 new bad rows",
    ]  # fmt: skip
    assert [number_of(number, "rows", "+") for number in (1, -1, 1_200)] == ["+1 row", "-1 row", "+1,200 rows"]
    assert [ago(MORNING - timedelta(minutes=age), MORNING) for age in (0, 1, 119, 120, 2_880)] == [
        "0 minutes ago", "1 minute ago", "119 minutes ago", "2 hours ago", "2 days ago",
    ]  # fmt: skip
    assert str(Change("public.schedule", CONSTRAINT, 3)) == "3 constraints of schedule"
    assert str(Change("public.schedule", CONSTRAINT, 1)) == "1 constraint of schedule"
    assert str(Change("public.schedule", "delete", 1)) == "delete 1 of schedule"


def test_lines_are_folded_between_words_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shared, "Console", lambda **_: Console(width=30))
    text = "plan 1 of duplicate_match: delete 2,058 of schedule\n  freed by another feed of the league"

    shared.print_folded(text)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shared.print_folded(text)

    assert capsys.readouterr().out == text + "\n" + (
        "plan 1 of duplicate_match:\n   delete 2,058 of schedule\n  freed by another feed of the\n     league\n"
    )


def test_incidents_of_two_hundred_leagues_leave_room_for_others(run: Run, database: Engine) -> None:
    of_leagues = [
        {
            "rule": "gap_in_league_schedule", "parameter": f"L{number:03}", "domain": "schedule", "severity": "HIGH",
            "status": "CRITICAL", "worst": "CRITICAL", "summary": "gap", "opened_at": MORNING, "since": MORNING,
            "seen_at": MORNING, "opened_run": RUN, "seen_run": RUN,
        }
        for number in range(12)
    ]  # fmt: skip
    other = of_leagues[0] | {"rule": "twin_team", "parameter": "", "status": "WARN", "worst": "WARN"}
    with database.begin() as connection:
        connection.execute(incidents.insert(), [*of_leagues, other])

    shown = run("incidents", "list").out

    assert (shown.count("gap_in_league_schedule ("), shown.count("twin_team")) == (10, 1)
    assert "and 2 more of gap_in_league_schedule: --each lists them" in shown
    assert run("incidents", "list", "--each").out.count("gap_in_league_schedule (") == 12
    assert len(run("incidents", "list", "--json").json()) == 13


NEAR = "no rule is called 'DUPLICATE_MACH'; did you mean duplicate_match, "
WAIVED = ("--until", "2099-01-01", "--owner", "kim", "--reason", "x")


@pytest.mark.parametrize(("typed", "hint"), [
    (("imports", "show", 999), "there is no import run 999; see rally-health imports"),
    (("imports", "retry", 999), "there is no held part 999 that waits; see rally-health imports held"),
    (("imports", "discard", 999, "--reason", "x"), "there is no held part 999 that waits; see rally-health imports "),
    (("rejects", "show", 999), "there is no reject 999; see rally-health rejects list"),
    (("rejects", "settle", 999, "--reason", "x"), "there is no waiting reject 999, or it was taken or settled; see "),
    (("rejects", "settle", "--feed", 999, "--reason", "x"), "there is no feed 999; see rally-health imports"),
    (("rejects", "list", "--feed", 999), "there is no feed 999; see rally-health imports"),
    (("rejects", "replay", "--feed", 999), "there is no feed 999; see rally-health imports"),
    (("rejects", "export", "-", "--feed", 999), "there is no feed 999; see rally-health imports"),
    (("incidents", "show", 999), "there is no incident 999; see rally-health incidents list"),
    (("incidents", "ack", 999), "there is no incident 999; see rally-health incidents list"),
    (("fix", "show", 999), "there is no plan or repair 999; see rally-health fix history"),
    (("fix", "undo", 999), "there is no plan or repair 999; see rally-health fix history"),
    (("waive", "--withdraw", 999), "there is no waiver 999; there are none, see rally-health waive"),
    (("feedback", "erase", 999), "there is no complaint 999; see rally-health feedback list"),
    (("alerts", "resend", 999), "there is no such message; see rally-health alerts outbox"),
    (("snapshot", "restore", "nope"), "there is no snapshot 'nope' in "),
    (("snapshot", "verify", "nope"), "there is no snapshot 'nope' in "),
    (("history", "DUPLICATE_MACH"), NEAR), (("backtest", "DUPLICATE_MACH"), NEAR), (("accept", "DUPLICATE_MACH"), NEAR),
    (("waive", "DUPLICATE_MACH", *WAIVED), NEAR), (("check", "--name", "DUPLICATE_MACH"), NEAR),
    (("fix", "plan", "DUPLICATE_MACH"), NEAR), (("rules", "show", "DUPLICATE_MACH"), NEAR),
])  # fmt: skip
def test_what_is_not_there_is_wrong_usage_and_says_where_to_look(run: Run, typed: tuple[Any, ...], hint: str) -> None:
    """Some said so with 0 or 3, and `rejects settle --feed 999` settled 0 rows."""
    ran = run(*typed)

    assert (ran.code, hint in ran.out) == (shared.Exit.USAGE, True), ran.out
