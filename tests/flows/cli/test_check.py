"""`rally-health check`, `rules`, `history` and `waive`, as a new user meets them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import fromstring

import jsonschema
import pytest
from sqlalchemy import Engine, func, select

import checks
from etl.tables import leagues, rejects, schedule
from flows.cli.shared import Exit
from tests.etl.test_retention import refused
from tests.flows.conftest import Run

SCHEMA = json.loads((Path(checks.__file__).parent / "schemas" / "check.schema.json").read_text())
RULE = '''from checks import Row, Severity, above, percent, row_check
from etl.tables import schedule

@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(1), critical=percent(5)), tags={"mine"})
def match_in_the_moon(row: Row):
    """A match is played on the moon."""
    return row.location == "Moon"
'''


@pytest.fixture(autouse=True)
def season(database: Engine) -> None:
    """Two matches of two leagues, one of them on the moon."""
    with database.begin() as connection:
        connection.execute(
            leagues.insert(),
            [{"id": n, "league_id": name, "league_name": "x"} for n, name in ((1, "NORTH"), (2, "SOUTH"))],
        )
        match = {"match_date": "2025-01-07", "away_team": "BYE"}
        connection.execute(
            schedule.insert(),
            [
                {"home_team": "Luna - 1", "location": "Moon", "league_id": 1, **match},
                {"home_team": "Terra - 1", "location": "Court 1", "league_id": 2, **match},
            ],
        )


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file of ten lines in it."""
    folder = tmp_path / "my_rules"
    folder.mkdir()
    (folder / "space.py").write_text(RULE)
    monkeypatch.setenv("RALLY_RULES", str(folder))
    return folder


MOON = ("check", "--name", "match_in_the_moon")


@pytest.mark.usefixtures("mine")
def test_a_dropped_file_is_seen_in_the_list_in_the_check_and_in_the_score(run: Run) -> None:
    listed = run("rules", "list", "--tag", "mine")
    checked = run(*MOON)

    assert listed.out.splitlines() == ["space      HIGH     match_in_the_moon  A match is played on the moon."]
    assert checked.code == 1
    assert checked.out.splitlines()[0] == "Score 49.66 of 100: critical"
    assert "CRITICAL  match_in_the_moon  1 of 2 (50 %)" in checked.out


@pytest.mark.usefixtures("mine")
def test_a_rule_tells_everything_about_itself(run: Run) -> None:
    shown = run("rules", "show", "match_in_the_moon", "--json").json()

    assert (shown["rule"], shown["domain"], shown["table"], shown["severity"]) == (
        "match_in_the_moon", "space", "schedule", "HIGH",
    )  # fmt: skip
    assert shown["threshold"] == "warn above 1 %, critical above 5 %"


def test_an_unknown_rule_names_what_is_near(run: Run) -> None:
    ran = run("rules", "show", "match_without_team")

    assert ran.code == 2
    assert ran.out.startswith("no rule is called 'match_without_team'; did you mean ")


@pytest.mark.usefixtures("mine")
def test_the_json_keeps_to_its_schema_on_standard_output(run: Run) -> None:
    ran = run(*MOON, "--json", "-")

    jsonschema.validate(ran.json(), SCHEMA)
    assert ran.json()["results"][0]["examples"][0]["home_team"] == "Luna - 1"


@pytest.mark.usefixtures("mine")
def test_reports_are_written_to_files(run: Run, tmp_path: Path) -> None:
    files = [tmp_path / "deep" / name for name in ("r.json", "r.xml", "r.md")]
    run(*MOON, "--json", files[0], "--junit", files[1], "--markdown", files[2])

    assert json.loads(files[0].read_text())["band"] == "critical"
    assert fromstring(files[1].read_text()).get("failures") == "1"  # noqa: S314 - our own text
    assert files[2].read_text().startswith("## Score 49.66 of 100: critical")


@pytest.mark.usefixtures("mine")
def test_a_report_that_cannot_be_written_is_a_partial_result(run: Run, tmp_path: Path) -> None:
    assert run(*MOON, "--fail-on", "never", "--json", tmp_path / "my_rules" / "space.py" / "report.json").code == 5


@pytest.mark.usefixtures("mine")
def test_annotations_are_printed_for_github(run: Run) -> None:
    assert "::error file=my_rules/space.py,line=4,title=CRITICAL match_in_the_moon::" in run(*MOON, "--github").out


@pytest.mark.usefixtures("mine")
def test_a_league_narrows_the_rows(run: Run) -> None:
    ran = run(*MOON, "--league", "SOUTH")

    assert ran.code == 0
    assert "OK        match_in_the_moon  0 of 1 (0 %)" in ran.out


@pytest.mark.usefixtures("mine")
def test_words_narrow_what_names_select(run: Run) -> None:
    ran = run(*MOON, "-k", "match", "--json", "-")

    assert [result["rule"] for result in ran.json()["results"]] == ["match_in_the_moon"]


@pytest.mark.usefixtures("mine")
def test_a_list_of_rules_takes_words_and_tags_as_a_check_does(run: Run) -> None:
    both = run("rules", "list", "-k", "space or duplicate_match", "-m", "mine or daily").out.splitlines()
    strange = run("rules", "list", "-m", "mine and dayly")

    assert [line.split()[2] for line in both] == ["duplicate_match", "match_in_the_moon"]
    assert strange.code == Exit.USAGE
    assert "no rule has the tag 'dayly'; there are daily" in strange.out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--domain", "schedules"), "no rule has the domain 'schedules'; there are imports, matches"),
        (("--league", "EAST"), "there is no league 'EAST'; there are NORTH, SOUTH"),
        (("-k", "a and"), "'a and' is no expression; expected words with and, or, not and ( )"),
        (("--today", "30.6.2025"), "'30.6.2025' is no day; expected YYYY-MM-DD"),
    ],
)
def test_a_slip_in_an_option_is_wrong_usage(run: Run, options: tuple[str, ...], told: str) -> None:
    ran = run("check", *options)

    assert ran.code == 2
    assert ran.out.startswith(told)


@pytest.mark.usefixtures("mine")
def test_only_new_trouble_can_fail_a_run(run: Run) -> None:
    codes = [run(*MOON, "--fail-on", "new").code for _ in range(2)]

    assert codes == [1, 0]


@pytest.mark.usefixtures("mine")
def test_the_history_tells_runs_and_rules(run: Run) -> None:
    run(*MOON)
    run(*MOON)

    assert [line["score"] for line in run("history", "--json").json()] == [49.66, 49.66]
    newest, first = run("history", "match_in_the_moon").out.splitlines()
    assert first.endswith("CRITICAL 1 of 2 (50 %), 1 new  -50.34")
    assert newest.endswith("CRITICAL 1 of 2 (50 %)  -50.34")


@pytest.mark.usefixtures("mine")
def test_a_run_without_history_is_not_kept(run: Run) -> None:
    run(*MOON, "--no-history")

    assert run("history").out == "Nothing has run yet. Next: rally-health check\n"


@pytest.mark.usefixtures("mine")
def test_trouble_can_be_accepted_until_a_day(run: Run) -> None:
    waived = run(
        "waive",
        "match_in_the_moon",
        "--until",
        "2999-01-01",
        "--owner",
        "kim",
        "--reason",
        "we like it there",
        "--json",
    ).json()

    assert run(*MOON).code == 0
    assert run(*MOON).out.splitlines()[0] == "Score 100.00 of 100 (gross 49.66): healthy"
    assert "valid     match_in_the_moon, accepted until 2999-01-01 by kim: we like it there" in run("waive").out
    assert run("waive", "--withdraw", waived[0]["id"]).code == 0
    assert run(*MOON).code == 1


@pytest.mark.usefixtures("mine")
def test_one_bad_row_can_be_accepted_by_what_the_report_shows(run: Run) -> None:
    detailed = run(*MOON, "--detailed").out
    key = next(line.split()[-1] for line in detailed.splitlines() if "example:" in line)
    options = ("--key", key, "--until", "2999-01-01", "--owner", "kim", "--reason", "moon base")

    assert "Luna - 1" in run("waive", "match_in_the_moon", *options).out
    assert run(*MOON).code == 0


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("missing", ["--until", "--owner", "--reason"])
def test_a_waiver_needs_someone_to_ask(run: Run, missing: str) -> None:
    options = {"--until": "2999-01-01", "--owner": "kim", "--reason": "x"}
    given = [part for name, value in options.items() if name != missing for part in (name, value)]

    ran = run("waive", "match_in_the_moon", *given)

    assert (ran.code, ran.out) == (2, f"a waiver needs {missing}; someone will ask")


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(("options", "left"), [((), 1), (("--no-history",), 2)])
def test_a_check_deletes_refused_rows_that_were_kept_long_enough(
    run: Run, database: Engine, options: tuple[str, ...], left: int
) -> None:
    with database.begin() as connection:
        for days in (1, 401):
            refused(connection, datetime.now(UTC) - timedelta(days=days))

    assert run(*MOON, *options).code == 1

    with database.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(rejects)) == left


def test_no_rule_outlasts_the_statement_timeout(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take a second of its own ten; the setting allows a fifth of one."""
    sleeps = RULE.replace('row.location == "Moon"', "func.pg_sleep(0.5).is_(None)").replace(
        "match_in_the_moon", "sleeper"
    )
    (mine / "space.py").write_text(
        sleeps.replace("from checks import", "from sqlalchemy import func\nfrom checks import")
    )
    monkeypatch.setenv("RALLY_STATEMENT_TIMEOUT", "0.2")

    checked = run("check", "--name", "sleeper")

    assert "ERROR     sleeper" in checked.out
