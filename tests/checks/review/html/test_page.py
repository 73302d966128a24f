"""The page: whole in one file, the same in every browser, and untouched by what stands in the data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from checks.engine.collecting.rules import Rules
from checks.review.page import render_html, render_mail
from checks.review.reading import read_book
from checks.review.section import review
from checks.review.values import Period, PeriodKind
from tests.checks.review.conftest import Reviewed
from tests.checks.review.hostile import HOSTILE, plant_hostile
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import FIRST, NOW

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """The elements of a page, with ids, and what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        self.ids.update(value for name, value in attrs if name == "id" and value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        self.ids.update(value for name, value in attrs if name == "id" and value)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


Pages = Callable[[PeriodKind], str]


@pytest.fixture(scope="module")
def pages(planted_season: tuple[Engine, Plant], catalogue: Rules) -> Pages:
    """The season's page of a kind, drawn once."""

    @cache
    def page(kind: PeriodKind) -> str:
        period = Period.of(kind, NOW)
        with planted_season[0].connect() as connection:
            return render_html(review(read_book(connection, period), catalogue, period))

    return page


@pytest.mark.parametrize("kind", PeriodKind)
def test_the_page_is_whole_and_asks_for_nothing(pages: Pages, kind: PeriodKind) -> None:
    text = pages(kind)
    page = Page(text)

    assert (page.wrong, page.open) == ([], [])
    assert page.tags["script"] == 0
    assert [name for name, count in page.ids.items() if count > 1] == []
    links = {value for name, value in page.attributes if name in {"src", "href", "xlink:href"}}
    assert {link for link in links if link and not link.startswith(("#", "data:,"))} == set()
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_every_plot_says_in_words_what_it_shows(pages: Pages) -> None:
    text = pages(PeriodKind.QUARTERLY)
    heads = re.findall(r"<svg [^>]*>", text)

    assert len(heads) > 8
    assert all(re.search(r'role="img" aria-label="[^"]{20,}"', head) for head in heads)


def test_headings_leave_out_no_level(pages: Pages) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", pages(PeriodKind.QUARTERLY))]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(then - first <= 1 for first, then in pairwise(levels))


def test_links_within_the_page_lead_somewhere(pages: Pages) -> None:
    for kind in PeriodKind:
        page = Page(pages(kind))
        targets = {value[1:] for name, value in page.attributes if name == "href" and value and value.startswith("#")}
        assert targets <= set(page.ids)


def test_the_same_review_gives_the_same_page(season: Plant, reviewed: Reviewed) -> None:
    found = reviewed(PeriodKind.MONTHLY)

    assert render_html(found) == render_html(found)


@pytest.mark.parametrize("render", [render_html, render_mail])
def test_hostile_data_adds_no_element(plant: Plant, reviewed: Reviewed, render: type[str]) -> None:
    plant_hostile(plant, ["harmless"] * len(HOSTILE))
    harmless = Page(render(reviewed(PeriodKind.QUARTERLY, until=FIRST)))
    plant_hostile(plant, HOSTILE)

    text = render(reviewed(PeriodKind.QUARTERLY, until=FIRST))
    page = Page(text)

    # the second planting doubles what there is of feeds and incidents, and adds nothing of another sort
    assert set(page.tags) == set(harmless.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "\u202e" not in text
    assert "x" * 500 not in text


def test_a_page_without_any_run_says_what_to_do(reviewed: Reviewed) -> None:
    assert "No health check has run yet" in render_html(reviewed(PeriodKind.QUARTERLY, until=FIRST))
