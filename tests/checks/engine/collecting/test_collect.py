"""Rules are found the way pytest finds tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from checks import CheckDefinitionError, CollectError, DuplicateCheckError
from checks.engine.collecting.collect import collect

RULE = """
from checks import Row, Severity, above, percent, row_check
from etl.tables import schedule

@row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(1)), tags={{"mine"}})
def {name}(row: Row):
    "A match without a place."
    return row.location.is_(None)
"""


def write(folder: Path, file: str, text: str = "", name: str = "match_without_place") -> Path:
    """A file of rules."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or RULE.format(name=name))
    return path


def test_a_file_dropped_into_a_folder_is_found_without_a_list_to_edit(tmp_path: Path) -> None:
    write(tmp_path, "venues.py")

    rules = collect([tmp_path])

    assert {name: check.domain for name, check in rules.items()} == {"match_without_place": "venues"}
    assert rules["match_without_place"].summary == "A match without a place."


def test_a_folder_in_a_folder_is_a_domain(tmp_path: Path) -> None:
    write(tmp_path, "schedule/venues.py")

    assert collect([str(tmp_path)])["match_without_place"].domain == "schedule"


def test_a_module_can_say_its_domain(tmp_path: Path) -> None:
    write(tmp_path, "venues.py", 'DOMAIN = "schedule"\n' + RULE.format(name="named"))

    assert collect([tmp_path])["named"].domain == "schedule"


def test_a_single_file_can_be_named(tmp_path: Path) -> None:
    assert list(collect([write(tmp_path, "venues.py")])) == ["match_without_place"]


def test_private_files_and_tests_are_left_alone(tmp_path: Path) -> None:
    for file in ("_draft.py", "test_venues.py", "conftest.py", ".hidden/venues.py", "__pycache__/venues.py"):
        write(tmp_path, file)
    write(tmp_path, "venues.py", name="only")

    assert list(collect([tmp_path])) == ["only"]


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    """A disk that was not there looked like a folder without rules: none was asked, and all was well."""
    write(tmp_path, "README.md", "Here be rules.")
    write(tmp_path, "_draft.py")

    with pytest.raises(CollectError, match=r"the folder holds no \.py or \.sql file of rules$"):
        collect([tmp_path])


def test_files_of_one_name_in_two_folders_do_not_meet(tmp_path: Path) -> None:
    write(tmp_path / "one", "venues.py", name="first")
    write(tmp_path / "two", "venues.py", name="second")

    assert list(collect([tmp_path / "one", tmp_path / "two"])) == ["first", "second"]


def test_a_rule_is_called_like_its_function_whatever_variable_holds_it(tmp_path: Path) -> None:
    held = "\nheld = match_without_place\ndel match_without_place\n"
    write(tmp_path, "venues.py", RULE.format(name="match_without_place") + held)

    assert list(collect([tmp_path])) == ["match_without_place"]


def test_a_source_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "venues.py")

    assert len(collect([tmp_path, tmp_path / "venues.py", tmp_path])) == 1


def test_duplicate_names_name_both_places(tmp_path: Path) -> None:
    one, two = write(tmp_path, "one.py"), write(tmp_path, "two.py")

    with pytest.raises(DuplicateCheckError) as refused:
        collect([tmp_path])

    assert str(refused.value) == (
        f"two checks are called 'match_without_place': {one}:5 and {two}:5; rename one of them"
    )


def test_a_package_of_rules_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "my_rules/__init__.py", "# nothing")
    write(tmp_path, "my_rules/venues.py")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert collect(["my_rules"])["match_without_place"].domain == "venues"


def test_installed_plugins_are_found_by_their_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "plugged.py", name="plugged_in")
    info = tmp_path / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rally_health.rules]\nplugged = plugged\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert list(collect([], plugins=True)) == ["plugged_in"]
    assert list(collect([])) == []


def test_a_rule_that_is_imported_from_elsewhere_is_not_collected_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "origin_of_rules/__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, "other.py", "from origin_of_rules import match_without_place\n" + RULE.format(name="own"))

    assert list(collect([tmp_path / "other.py"])) == ["own"]


def test_a_file_of_a_package_that_is_named_too_is_read_once() -> None:
    folder = Path(sys.modules["checks"].__file__ or "").parent / "rules"

    assert list(collect(["checks.rules", "checks.scopes", folder])) == list(collect(["checks.rules", "checks.scopes"]))


def test_a_fixture_can_be_shared_by_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "shared_fixtures.py", "from checks import fixture\n\n@fixture\ndef limit():\n    return 9\n")
    asks = RULE.format(name="asks").replace("row: Row", "row: Row, limit")
    write(tmp_path / "rules", "asking.py", "from shared_fixtures import limit\n" + asks)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert collect([tmp_path / "rules"])["asks"].wanted == ("limit",)


def test_a_place_that_is_not_there_is_named() -> None:
    with pytest.raises(
        CollectError, match=r"^no rules at 'no/such/folder': it is neither a folder nor a \.py or \.sql file$"
    ):
        collect(["no/such/folder"])
    with pytest.raises(
        CollectError, match="no rules at 'no_such_package': no such package, and no such file or folder"
    ):
        collect(["no_such_package"])


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "broken.py", "import nothing_of_that_name\n")

    with pytest.raises(CollectError) as refused:
        collect([tmp_path])

    assert str(refused.value) == (
        f"rules in {path}:1 cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'"
    )
    assert not [name for name in sys.modules if name.endswith("_broken") and name.startswith("rally_rules")]


def test_a_wrong_definition_is_told_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.py", RULE.format(name="wrong").replace("percent(1)", "1"))

    with pytest.raises(CheckDefinitionError) as refused:
        collect([tmp_path])

    assert str(refused.value) == (
        f"{path}:5: above() got the bare value 1; say its unit: percent(1), rows(1) or hours(1)"
    )


TWICE = RULE.format(name="twice") + RULE.format(name="twice")
IDLE = RULE.format(name="idle") + "\n@fix(idle)\ndef mend():\n    pass\n"
REFUSED = {
    "two rules of one name": (
        TWICE, ":14: twice() stands in line 6 too, and the second replaces the first; rename one of them",
    ),
    "a fix without a plan": (
        "from checks import fix\n" + IDLE,
        ":11: fix mend() returns no plan; expected a step of etl.repairs,"
        " such as Update(table, select(...)) or Delete(table, select(...))",
    ),
    "a fix that returns nothing": (
        "from checks import fix\n" + IDLE.replace("pass", "return None"), ":11: fix mend() returns no plan; expected a"
        " step of etl.repairs, such as Update(table, select(...)) or Delete(table, select(...))",
    ),
    "a fix that returns SQL": (
        "from checks import fix\n" + IDLE.replace("pass", "return f'delete from {schedule}'"),
        ":11: fix mend() returns a text and no plan; expected a step of etl.repairs, such as Update(table, select(...))"
        " or Delete(table, select(...))",
    ),
    "a share above the whole": (
        RULE.format(name="much").replace("percent(1)", "percent(500)"),
        ":5: above() got 500 %, which no share can be; expected percent(0) to percent(100)",
    ),
    "an option that there is not": (
        RULE.format(name="typed").replace("tags=", "tag="), ":5: a rule has no tag=; did you mean tags=?",
    ),
    "a function that nobody marked": (
        "import os\n\ndef order_without_day(row):\n    return row.day.is_(None)\n\ndef of_no_day(row):\n    pass\n",
        ":3: the file holds no rule, fixture or fix: order_without_day() has no decorator; expected a function under"
        " @row_check(...), @check(...), @metric_check(...) or @frame_check(...), or a name that begins with _, such as"
        " _wrong.py, for helpers",
    ),
    "a fixture that there is not": (
        RULE.format(name="asks").replace("row: Row", "row: Row, todya"),
        ":5: check 'asks' asks for 'todya', which is no fixture (did you mean 'today'?); available: now, today",
    ),
    "a rule without its row": (
        RULE.format(name="bare").replace("row: Row", ""),
        ":5: row_check 'bare' takes no argument; expected def bare(row: Row)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_a_rule_is_refused_with_file_line_and_what_to_do(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.py", text)

    with pytest.raises((CheckDefinitionError, CollectError)) as refused:
        collect([tmp_path])

    assert str(refused.value) == f"{path}{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def x(:\n", "rules in {path}:1 cannot be imported: SyntaxError: invalid syntax"),
        (
            RULE.format(name="bare").replace("row_check(schedule, severity=Severity.LOW, ", "row_check(schedule, "),
            "rules in {path}:5 cannot be imported: TypeError: row_check() missing 1 required keyword-only argument:"
            " 'severity'; expected @row_check(..., severity=Severity.LOW, threshold=above(warn=rows(0)))",
        ),
    ],
)
def test_what_python_refuses_is_told_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.py", text)

    with pytest.raises(CollectError) as refused:
        collect([tmp_path])

    assert str(refused.value) == said.format(path=path)


SQL_REFUSED = {
    "-- Nothing.\n": ":1: the text holds only comments, which are not one SELECT;",
    "-- A.\n\ndelete from schedule": ":3: 'delete from schedule' is not one SELECT;",
    "-- A.\nselect 1; select 2": ":2: 'select 1; select 2' is not one SELECT;",
    "-- A.\n-- severty: LOW\nselect 1": ":2: a rule has no 'severty'; did you mean 'severity'?",
    "-- A.\n-- severity: grave\nselect 1": ":2: severity: severity 'grave' is none; expected LOW, MEDIUM, HIGH",
    "-- A.\n-- warn: lots\nselect 1": ":2: warn: 'lots' is no limit; expected such as '5 %'",
    "-- A.\n-- timeout: long\nselect 1": ":2: timeout: could not convert string to float: 'long'",
    "-- A.\n-- table: a.b.c\nselect 1": ":2: table: 'a.b.c' names no table; expected such as",
    "-- A.\n-- warn: 500 %\nselect 1": ": above() got 500 %, which no share can be;",
    "-- A.\nselect 1\n-- severity: HIGH\n": ":3: severity stands below the beginning of the statement;",
    "-- A.\n-- owner: a\n-- owner: b\nselect 1": ":3: owner is said a second time; keep one",
    "/* severty: LOW */\nselect 1": ":1: a rule has no 'severty'; did you mean 'severity'?",
    "-- A.\n-- table: t\n-- where: 1=1) or (1=1\nselect 1": ":3: where: '1=1) or (1=1' is no whole piece of SQL",
    "-- A.\nselect 1) x, (select 2": ":2: '-- A. select 1) x, (select 2' is no whole piece of SQL: its brackets do",
}
HEADERS = (
    "/* Licence: of the shop. */\n-- severity: HIGH\n-- owner: kim",
    "/*\n * A row.\n * severity: HIGH\n */\n\n-- owner: kim",
    "/* A row. */ -- severity: HIGH\n/* owner: kim */",
    "\ufeff-- A row.\n-- Severity: HIGH\n-- Owner : kim",
    "--\n-- A row.\n-- Of two lines the first is the summary.\n-- severity: HIGH\n--\n-- owner: kim",
)


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_is_read_whatever_comments_it_stands_in(header: str, tmp_path: Path) -> None:
    """What followed a comment of another sort, or a byte order mark, was dropped in silence."""
    write(tmp_path, "found.sql", f"{header}\nselect id from t -- note: nothing\n")

    rule = collect([tmp_path])["found"]

    assert (rule.severity.value, rule.mark.owner) == ("HIGH", "kim")
    assert rule.summary in {"A row.", "Licence: of the shop."}


@pytest.mark.parametrize(("text", "said"), SQL_REFUSED.items(), ids=range(len(SQL_REFUSED)))
def test_a_file_of_sql_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.sql", text)

    with pytest.raises(CheckDefinitionError) as refused:
        collect([tmp_path])

    assert str(refused.value).startswith(f"{path}{said}")


def test_importing_the_catalogue_connects_to_nothing() -> None:
    rules = collect(["checks.rules", "checks.scopes"])

    assert {"league", "series", "club"} <= set(rules.fixtures)
