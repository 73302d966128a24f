"""rally.toml beside the environment: strict, told by line, and what it changes about rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from etl.tables import leagues, players, schedule
from flows.cli.config import settings_document
from flows.cli.shared import Exit
from flows.settings import SettingsError, read_settings, unknown_variables
from tests.flows.conftest import Run

ROOT = Path(__file__).resolve().parents[3]
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the configuration of the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    for name in ("RALLY_CONFIG", "RALLY_RULES", "RALLY_KEEP_LOGS"):
        monkeypatch.delenv(name, raising=False)

    def write(text: str, name: str = "rally.toml") -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")

    return write


def refused(write: Write, text: str, name: str = "rally.toml") -> str:
    write(text, name)
    with pytest.raises(SettingsError) as error:
        read_settings()
    return str(error.value)


def test_the_environment_goes_before_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write('keep_logs = 3\nkeep_rows = 5\nrule_sources = ["a", "b"]\nauto_fix = {duplicate_match = 100}\n')
    monkeypatch.setenv("RALLY_KEEP_LOGS", "4")

    settings = read_settings(keep_reports=6)

    assert (settings.keep_logs, settings.keep_rows, settings.keep_reports) == (4, 5, 6)
    assert settings.rule_sources == ("a", "b")
    assert settings.auto_fix == {"duplicate_match": 100}


def test_a_table_of_pyproject_is_as_good(write: Write) -> None:
    write("[project]\nname = 'x'\n[tool.rally-health]\nkeep_logs = 3\n", "pyproject.toml")

    assert read_settings().keep_logs == 3


def test_a_pyproject_without_the_table_says_nothing(write: Write) -> None:
    write("[project]\nname = 'x'\n", "pyproject.toml")

    assert read_settings().keep_logs == 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keep_lgs = 3", "rally.toml:1: keep_lgs is no setting; did you mean keep_logs?"),
        ("\nkeep_logs = 0", "rally.toml:2: keep_logs: Input should be greater than 0"),
        ("keep_logs = ", "rally.toml is no TOML: Invalid value (at end of document)"),
        ("rules = 3", "rally.toml: rules is no list of tables; expected [[rules]] or [rules.NAME]"),
        ("task_runner = 'dusk'", "rally.toml:1: task_runner: Input should be 'thread' or 'dask'"),
        ("[seasons]\nbreak_day = 45", "rally.toml:1: seasons.break_day is no setting; did you mean break_days?"),
        ("[seasons]\nbreak_days = 0", "rally.toml:1: seasons.break_days: Input should be greater than or equal to 1"),
        (
            "[seasons]\nleagues = {NSTF = 45, nsft = 30}",
            "rally.toml:1: seasons.leagues: Value error, NSTF, nsft: expected each league once, by its name",
        ),
    ],
)
def test_what_the_file_says_wrongly_is_told_with_its_line(write: Write, text: str, message: str) -> None:
    assert refused(write, text) == message


def test_a_leagues_season_may_have_a_break_of_its_own(write: Write) -> None:
    write("[seasons]\nbreak_days = 50\n[seasons.leagues]\n'APTA Chicago' = 70\nnsft = 30\n")

    seasons = read_settings().seasons

    assert [seasons.gap(league).days for league in ("APTA_CHICAGO", "NSTF", "CITA")] == [70, 30, 50]


def test_two_forms_of_rules_in_one_file_are_explained(write: Write) -> None:
    told = refused(write, '[rules.a]\nenabled = false\n[[rules]]\nname = "b"\n')

    assert told.endswith("; write all rules as [[rules]] with name=, or all as [rules.NAME]")


def test_json_that_is_none_is_one_line_without_its_text(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RALLY_AUTO_FIX", "{secret")

    told = refused(write, "")

    assert told.startswith("RALLY_AUTO_FIX is no JSON (")
    assert "secret" not in told
    assert "\n" not in told


def test_a_variable_that_nobody_knows_is_told_with_the_nearest(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RALLY_KEEP_LOG", "3")

    assert "RALLY_KEEP_LOG is no setting; did you mean RALLY_KEEP_LOGS?" in unknown_variables()


def test_every_command_notes_an_unknown_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RALLY_STATEMENT_TIMEUOT", "3")

    assert "note: RALLY_STATEMENT_TIMEUOT is no setting" in run("rules", "list").out
    assert run("config", "check").code == Exit.USAGE


def test_the_list_of_settings_is_that_of_the_model() -> None:
    assert (ROOT / "docs" / "SETTINGS.md").read_text(encoding="utf-8") == settings_document()


def test_every_setting_says_what_it_is() -> None:
    assert not [line for line in settings_document().splitlines() if line.startswith("| `") and line.endswith("|  |")]


def test_the_configuration_is_shown_with_its_lines_and_without_secrets(run: Run, write: Write) -> None:
    write('smtp_url = "smtps://kim:hush@mail:465"\n[rules.team_without_captain]\nenabled = false\n')

    told = run("config", "show", "--json").json()

    shown = {row["setting"]: (row["value"], row["origin"]) for row in told["settings"]}
    assert shown["smtp_url"] == ("(secret)", "rally.toml:1")
    assert shown["database_url"] == ("(secret)", "DATABASE_URL")
    assert told["rules"] == [{"rule": "team_without_captain", "change": "off, rally.toml:2"}]
    assert "hush" not in run("config", "show", "--all").out


RULES = """
[[rules]]
tag = "gate"
domain = "schedule"
severity = "low"

[[rules]]
name = "duplicate_*"
owner = "kim"

[[rules]]
name = "match_without_time"
warn = "90 %"
critical = false
tags = ["mine"]
timeout = 5

[[rules]]
name = "team_without_captain"
enabled = false

[[rules]]
kind = "not_null"
table = "players"
column = "pti"
severity = "HIGH"
warn = "1 rows"
"""


def test_rules_are_changed_by_name_glob_domain_and_tag(run: Run, write: Write) -> None:
    write(RULES)

    rules = {rule["rule"]: rule for rule in run("rules", "list", "--json").json()}

    assert {r["severity"] for r in rules.values() if r["domain"] == "schedule" and "gate" in r["tags"]} == {"LOW"}
    assert rules["duplicate_team"]["owner"] == "kim"
    assert rules["duplicate_team"]["severity"] == "HIGH"
    changed = rules["match_without_time"]
    assert (changed["threshold"], changed["tags"], changed["timeout"]) == ("warn above 90 %", ["mine"], 5)
    assert changed["changed"] == [
        "warn above 90 % (was warn above 5 %, critical above 25 %), rally.toml:11",
        "timeout 5.0 (was 60.0), rally.toml:11",
        "tags mine (was weekly), rally.toml:11",
    ]
    assert "team_without_captain" not in rules
    assert rules["not_null_players_pti"]["source"] == "rally.toml:22"
    assert "off: team_without_captain, rally.toml:18" in run("rules", "list").out


def test_a_rule_that_is_off_is_told_where_it_is_asked_for(run: Run, write: Write) -> None:
    write(RULES)

    asked = run("check", "--name", "team_without_captain")

    assert (asked.code, asked.out) == (Exit.USAGE, "'team_without_captain' is switched off by rally.toml:18")


NAMED = '[[rules]]\nname = "duplicate_team"\n'
RANGE = '[[rules]]\nkind = "between"\ntable = "players"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[rules]]\nname = "duplicat_team"\nwarn = "1 %"', "'duplicat_team'; did you mean 'duplicate_team'"),
        ('[[rules]]\ntag = "gat"\nwarn = "1 %"', "no tag is 'gat'; did you mean 'gate'?"),
        (NAMED + 'warm = "1 %"', "'warm' is nothing that a rule has; did you mean 'warn'?"),
        (NAMED + 'warn = "1"', "'1' is no limit"),
        (NAMED + 'warn = "1 rows"', "mixes units"),
        (NAMED + 'warn = "9 %"', "out of order"),
        (NAMED + 'severity = "UGLY"', "severity 'UGLY' is none"),
        (NAMED + '[rules.parameters]\nx = 1', "it has no parameter 'x'; it takes none"),
        ('[[rules]]\nwarn = "1 %"', "says neither kind nor name, domain or tag"),
        ('[[rules]]\nkind = "uniqe"\ntable = "players"', "kind 'uniqe' is no ready-made rule; did you mean 'unique'?"),
        ('[[rules]]\nkind = "unique"\ntable = "players"', "it names no column"),
        (RANGE + 'column = "pti"\nleast = 0\nmots = 1', "takes no 'mots'; did you mean 'most'?"),
        (RANGE, "missing"),
        (RANGE + 'column = "pti"\nleast = 9\nmost = 1', "goes from 9 to 1, which no value is; turn them"),
        (RANGE + 'column = "pti"\nleast = 9\nwhere = "1=1) or (1=1"', "no whole piece of SQL: its brackets do not"),
        (RANGE + 'column = 5\nleast = 9', "between: column = 5 does not fit; expected a text"),
        (RANGE + 'column = "pti"\nleast = 9\noptional = "no"', "optional='no') does not fit; expected true or false"),
        (RANGE.replace("between", "matches") + 'column = "email"\npattern = "[a-"', "unterminated character"),
        (RANGE.replace("between", "references") + 'column = "id"\nto = 5', "to = 5 does not fit"),
        (NAMED + 'kind = "not_null"\ntable = "players"\ncolumn = "pti"', "two checks are called"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_is_refused(run: Run, write: Write, text: str, told: str) -> None:
    write(text)

    ended = run("config", "check")

    assert ended.code == Exit.USAGE
    assert told in ended.out
    assert "rally.toml:1" in ended.out


@pytest.fixture
def two_leagues(database: Engine) -> None:
    """Ten players of CITA and four of NSTF, of whom five and one have no rating."""
    with database.begin() as connection:
        for number, (name, rated, unrated) in enumerate([("CITA", 5, 5), ("NSTF", 3, 1)], 1):
            connection.execute(insert(leagues).values(id=number, league_id=name, league_name=name))
            for place in range(rated + unrated):
                row = {"tenniscores_player_id": f"nndz-{number}{place:012d}", "league_id": number}
                connection.execute(insert(players).values(**row, pti=10 if place < rated else None))


def results(run: Run, *arguments: str) -> dict[tuple[str, str | None], tuple[Any, ...]]:
    document = run("check", "--no-history", "--json", "-", *arguments).json()
    return {(r["rule"], r["parameter"]): (r["count"], r["total"], r["status"]) for r in document["results"]}


UNRATED = '[[rules]]\nkind = "not_null"\ntable = "players"\ncolumn = "pti"\nwarn = "20 %"\nname = "unrated"\n'
APART = '\n[[rules]]\nname = "unrated"\nleagues.CITA = {warn = "60 %"}\n'


@pytest.mark.usefixtures("two_leagues")
def test_one_league_is_judged_by_limits_of_its_own(run: Run, write: Write) -> None:
    write(UNRATED)
    together = results(run, "--name", "unrated")
    write(UNRATED + APART)

    assert together == {("unrated", None): (6, 14, "WARN")}
    assert results(run, "--name", "unrated") == {
        ("unrated", None): (1, 4, "WARN"),
        ("unrated", "CITA"): (5, 10, "OK"),
    }
    assert results(run, "--name", "unrated", "--league", "NSTF") == {("unrated", None): (1, 4, "WARN")}


@pytest.mark.usefixtures("two_leagues")
def test_one_league_can_be_left_out(run: Run, write: Write) -> None:
    write(UNRATED + APART.replace('{warn = "60 %"}', "{enabled = false}"))

    assert results(run, "--name", "unrated") == {("unrated", None): (1, 4, "WARN")}


@pytest.mark.usefixtures("two_leagues")
def test_an_unknown_league_is_told_with_the_nearest_and_the_rest_of_the_rule_runs(run: Run, write: Write) -> None:
    """It made the whole rule an ERROR, and `config check` said nothing."""
    write(UNRATED + APART.replace("CITA", "CIAT") + "leagues.nstf = {enabled = false}\n")
    told = "rally.toml:8: there is no league 'CIAT'; did you mean 'CITA'?"

    checked = run("check", "--no-history", "--json", "-", "--name", "unrated").json()
    looked_at = run("config", "check")

    assert [(r["status"], r["count"], r["total"]) for r in checked["results"]] == [("WARN", 5, 10)]
    assert told in checked["complaints"]
    assert (looked_at.code, f"error: {told}" in looked_at.out) == (Exit.USAGE, True)


def test_leagues_of_feeds_and_settings_are_known_before_their_first_import(run: Run, write: Write) -> None:
    others = APART.replace("CITA", "APTA_CHICAGO") + APART.replace("CITA", "summer")
    write(f"seasons.leagues = {{SUMMER = 30}}\n{UNRATED}{others}")

    assert run("config", "check").code == Exit.OK


@pytest.mark.usefixtures("two_leagues")
def test_a_season_and_a_correction_of_a_misspelled_league_are_told_with_the_nearest(run: Run, write: Write) -> None:
    """They were silently of no league; one that nobody has met yet may be declared before its first feed."""
    turned = 'kind = "match_history"\nscores = "turned"\nby = "kim"\nwhy = "seen"\n'
    write(
        f'[seasons]\nleagues = {{CITTA = 45, SUMMER = 30}}\n[[corrections]]\nleague = "CNSWPLL"\n{turned}'
        f'[[corrections]]\nleague = "INDOOR"\n{turned}'
    )

    looked_at = run("config", "check")

    complaints = [line for line in looked_at.out.splitlines() if line.startswith("error")]
    assert (looked_at.code, complaints) == (Exit.USAGE, [
        "error: rally.toml: corrections: there is no league 'CNSWPLL'; did you mean 'CNSWPL'?",
        "error: rally.toml:1: seasons: there is no league 'CITTA'; did you mean 'CITA'?",
    ])  # fmt: skip


@pytest.mark.usefixtures("two_leagues")
def test_what_is_other_for_one_league_is_shown_with_its_line(run: Run, write: Write) -> None:
    """It was "left out" without a line, and `rules list` did not show it at all."""
    later = '\n[[rules]]\nname = "unrated"\nowner = "kim"\n'
    write(UNRATED + APART + APART.replace("CITA", "NSTF").replace('{warn = "60 %"}', "{enabled = false}") + later)

    shown = run("config", "show", "--json").json()["rules"]
    listed = run("rules", "list", "--name", "unrated").out

    assert [(entry["rule"], entry["change"]) for entry in shown] == [
        ("unrated", "owner kim (was none), rally.toml:16"),
        ("unrated[CITA]", "warn above 60 % (was warn above 20 %), rally.toml:8"),
        ("unrated[NSTF]", "left out, rally.toml:12"),
    ]
    assert "CITA: warn above 60 % (was warn above 20 %), rally.toml:8; NSTF: left out, rally.toml:12]" in listed


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("duplicate_mach", "'duplicate_mach' is no rule; did you mean 'duplicate_match'?"),
        ("team_without_captain", "'team_without_captain' has no fix"),
    ],
)
def test_what_is_mended_unasked_is_a_rule_with_a_fix(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setenv("RALLY_AUTO_FIX", f'{{"{name}": 10}}')

    ended = run("config", "check")

    assert ended.code == Exit.USAGE
    assert f"RALLY_AUTO_FIX: auto_fix: {told}" in ended.out


def test_the_report_tells_what_is_not_the_default(run: Run, write: Write, database: Engine) -> None:
    write('[rules.match_without_time]\nwarn = "1 %"\n')
    with database.begin() as connection:
        values = {"match_date": "2025-01-01", "home_team": "BYE", "away_team": "B"}
        connection.execute(insert(schedule).values({**values, "home_team": "A Practice"}))

    told = run("check", "--no-history", "--name", "match_without_time", "--json", "-").json()["results"][0]

    assert told["changed"] == [
        "warn above 1 %, critical above 25 % (was warn above 5 %, critical above 25 %), rally.toml:1"
    ]
