"""The runbooks that the package carries are those of the documents, and each rule's leads somewhere."""

from __future__ import annotations

from pathlib import Path

from checks.engine.collecting.collect import collect
from checks.runbooks import DOCUMENT, SOURCE, rule_sections, runbook_html, runbook_sections, with_runbooks
from checks.scopes import SOURCES

ROOT = Path(__file__).resolve().parents[2]


def test_the_document_is_a_copy_of_what_the_package_carries() -> None:
    assert (ROOT / "docs" / "RUNBOOKS.md").read_bytes() == SOURCE.read_bytes(), "cp checks/runbooks.md docs/RUNBOOKS.md"


def test_each_runbook_of_a_rule_is_a_section_of_it() -> None:
    named = {check.mark.runbook for check in collect(SOURCES).values() if check.mark.runbook}

    assert named
    assert {name for name in named if not runbook_html(name)} == set()


def test_every_rule_of_the_catalogue_has_a_runbook_that_names_it() -> None:
    led = with_runbooks(collect(SOURCES))

    assert [name for name, check in led.items() if not runbook_html(check.mark.runbook)] == []
    assert set(rule_sections()) <= set(led)


def test_a_runbook_of_ones_own_stays() -> None:
    (check, *_) = (check for check in collect(SOURCES).values() if check.mark.runbook)

    assert with_runbooks(collect(SOURCES))[check.name].mark.runbook == check.mark.runbook


def test_a_section_is_html_without_its_heading() -> None:
    text = runbook_html(f"{DOCUMENT}twin-teams")

    assert text.startswith("<p>Rule: <code>twin_team</code>.")
    assert "<h2>" not in text


def test_a_runbook_elsewhere_is_a_link_and_cannot_be_more() -> None:
    assert runbook_html('https://wiki.example/x"><script>') == (
        '<p><a href="https://wiki.example/x&#34;&gt;&lt;script&gt;" rel="noreferrer">'
        "https://wiki.example/x&#34;&gt;&lt;script&gt;</a></p>"
    )
    assert runbook_html("javascript:alert(1)") == ""


def test_sections_are_called_as_readers_of_the_document_link_them() -> None:
    assert {"teams-without-a-schedule", "imports-that-do-not-run"} <= set(runbook_sections())
