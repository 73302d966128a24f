"""Every section is in every rendering: nothing that is declared can be forgotten in one of them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from checks.engine.collecting.rules import Rules
from checks.render.formats import PageLinks
from checks.review.page import render_html, render_mail
from checks.review.reading import read_book
from checks.review.render import render_text, review_document
from checks.review.section import Layout, Review, Section, SectionColumn, all_sections, review
from checks.review.values import Period, PeriodKind
from etl.tables import feedback
from tests.checks.review.conftest import Reviewed, added_to
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import FIRST, NIGHTS, NOW, figures

SECTIONS = all_sections()


@pytest.fixture(scope="module")
def whole(planted_season: tuple[Engine, Plant], catalogue: Rules) -> Review:
    """A report in which every section has rows.

    The season, on its last night a look at the leagues and at a new rule, a complaint, and the time before it.
    """
    period = Period.of(PeriodKind.ANNUAL, NOW, NIGHTS)
    with added_to(planted_season) as season:
        add_what_sections_show(season)
        return review(read_book(season.connection, period), catalogue, period)


def add_what_sections_show(season: Plant) -> None:
    season.run(NOW, {**figures(NIGHTS), "twin_team": (0, 727)}, leagues={"CITA": 81.5, "NSTF": 100.0})
    for night in range(20):
        season.run(FIRST - timedelta(days=21 - night), {"team_without_captain": (300, 600)})
    complaint = {"at": FIRST, "league": "CITA", "text": "no games", "entered_by": "kim"}
    season.connection.execute(feedback.insert(), complaint)


def ids(sections: tuple[Section[Any], ...]) -> list[str]:
    """The keys of sections, which name the tests."""
    return [section.key for section in sections]


def test_sections_have_keys_anchors_and_places_of_their_own() -> None:
    for name in ("key", "anchor", "place", "title"):
        counts = Counter(getattr(section, name) for section in SECTIONS)
        assert [value for value, count in counts.items() if count > 1] == []


def test_a_table_has_columns_and_every_layout_is_used() -> None:
    assert all(section.columns for section in SECTIONS if section.layout is Layout.TABLE)
    assert {section.layout for section in SECTIONS} == set(Layout)


def test_every_section_is_in_the_longest_report_with_rows(whole: Review) -> None:
    assert ids(whole.sections) == ids(SECTIONS)
    assert [section.key for section in SECTIONS if not whole.of(section)] == []


def test_every_section_is_on_the_page_and_in_its_navigation(whole: Review) -> None:
    page = render_html(whole)
    navigation = page[page.index("<nav") : page.index("</nav>")]

    titles = [(f'id="{section.anchor}"', f">{section.title}<") for section in SECTIONS]
    assert re.findall(r'href="#([^"]+)">([^<]+)', navigation) == [
        (section.anchor, section.navigation or section.title) for section in SECTIONS
    ]
    assert [pair for pair in titles if f"<h2 {pair[0]}{pair[1]}/h2>" not in page] == []


def test_a_league_with_a_score_leads_to_its_page(whole: Review) -> None:
    page = render_html(whole, PageLinks("https://ops.example"))

    assert '<a href="https://ops.example/league/CITA">CITA</a>' in page


def test_every_section_is_in_the_text_and_in_the_mail(whole: Review) -> None:
    text, mail = render_text(whole), render_mail(whole)

    assert [section.title for section in SECTIONS if f"\n{section.title.upper()}\n" not in text] == []
    assert [section.title for section in SECTIONS if f">{section.title}</h2>" not in mail] == []


def test_every_section_is_in_the_json_with_its_rows(whole: Review) -> None:
    document = review_document(whole)

    assert [section.key for section in SECTIONS if not document.get(section.key)] == []


@pytest.mark.parametrize("kind", PeriodKind)
def test_the_json_of_a_shorter_report_has_every_section_too(
    season: Plant, reviewed: Reviewed, kind: PeriodKind
) -> None:
    assert set(ids(SECTIONS)) <= set(review_document(reviewed(kind)))


@pytest.mark.parametrize("kind", PeriodKind)
def test_a_section_without_rows_says_so_on_the_page(reviewed: Reviewed, kind: PeriodKind) -> None:
    empty = reviewed(kind)

    page = render_html(empty)

    assert [one.key for one in empty.sections if not empty.of(one) and f"<p>{one.empty}</p>" not in page] == []


def test_a_row_without_a_line_of_its_own_is_told_by_its_columns() -> None:
    columns: tuple[SectionColumn[tuple[object, ...]], ...] = (
        SectionColumn("rule", lambda row: row[0]),
        SectionColumn("runs", lambda row: row[1]),
        SectionColumn("seconds", lambda row: row[2]),
    )
    section = Section(key="x", anchor="x", title="X", place=1, empty="", rows=lambda _: (), columns=columns)

    assert section.text_of(("twin_team", 59, None)) == "twin_team: runs 59"
