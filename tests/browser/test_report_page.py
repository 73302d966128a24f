"""The report as a browser shows it: on a desk, on a phone, in the dark, on paper, and with hostile names in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Engine

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.review.page import render_html
from checks.review.reading import read_book
from checks.review.section import review
from checks.review.values import Period, PeriodKind
from checks.scopes import SOURCES
from tests.browser.conftest import Open, Opened
from tests.checks.review.hostile import HOSTILE, plant_hostile
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import FIRST, NOW, plant_season

WIDTHS = [390, 1280]
# the contrast of two colours, as WCAG counts it, for every element that has text of its own
CONTRAST = """() => {
  const light = c => { const v = c.map(x => x / 255).map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('body *:not(svg):not(svg *)')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => { const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.textContent.trim().slice(0, 40)]; })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, text]) => `${ratio.toFixed(2)} ${text}`); }"""


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def catalogue() -> Rules:
    """The rules as they are."""
    return collect(SOURCES)


@pytest.fixture(scope="module")
def season_page(engine: Engine, catalogue: Rules) -> str:
    """The quarterly report of the planted season."""
    return page_of(engine, catalogue, plant_season, NOW)


@pytest.fixture(scope="module")
def hostile_page(engine: Engine, catalogue: Rules) -> str:
    """A report in which every name tries to be more than a name."""
    return page_of(engine, catalogue, lambda plant: plant_hostile(plant, HOSTILE), FIRST)


def page_of(engine: Engine, catalogue: Rules, fill: Callable[[Plant], None], until: datetime) -> str:
    """The quarterly report of a planted past, which is gone afterwards."""
    period = Period.of(PeriodKind.QUARTERLY, until)
    with engine.connect() as connection, connection.begin() as transaction:
        fill(Plant(connection, catalogue))
        page = render_html(review(read_book(connection, period), catalogue, period))
        transaction.rollback()
    return page


def is_quiet(opened: Opened) -> bool:
    """Whether nothing was complained of, and nothing asked for but the page itself and its empty icon."""
    asked = [url for url in opened.requests if not url.startswith("data:")]
    return not opened.complaints and len(asked) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_is_quiet(visit: Open, season_page: str, width: int, scheme: str) -> None:
    opened = visit(season_page, width, scheme)

    assert opened.width == width
    assert is_quiet(opened), opened.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(visit: Open, season_page: str, scheme: str) -> None:
    assert visit(season_page, 1280, scheme).page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_change_nothing(visit: Open, hostile_page: str, width: int) -> None:
    opened = visit(hostile_page, width)

    assert opened.width == width
    assert is_quiet(opened), opened.complaints
    assert opened.page.title().startswith("Rally Data Health, quarterly report")
    assert opened.page.locator("script, iframe, img, [onerror]").count() == 0
    assert opened.page.locator("h1").is_visible()
    assert opened.page.get_by_text("<script>document.title='hacked'").count() > 0


def test_a_phone_shows_the_narrow_plot_of_the_score(visit: Open, season_page: str) -> None:
    phone, desk = (visit(season_page, width).page for width in WIDTHS)

    assert [phone.locator(f".{name}").is_visible() for name in ("wide", "narrow")] == [False, True]
    assert [desk.locator(f".{name}").is_visible() for name in ("wide", "narrow")] == [True, False]


def test_plots_take_the_colours_of_the_page(visit: Open, season_page: str) -> None:
    colour = "getComputedStyle(document.querySelector('.spark polyline')).stroke"
    light, dark = (visit(season_page, 1280, scheme).page.evaluate(colour) for scheme in ("light", "dark"))

    assert light != dark


def test_it_prints_on_paper_in_dark_ink(visit: Open, season_page: str) -> None:
    opened = visit(season_page, 1280, "dark")
    opened.page.emulate_media(media="print", color_scheme="dark")

    assert opened.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert opened.page.pdf(format="A4")[:5] == b"%PDF-"


def test_it_is_read_without_any_script(visit: Open, season_page: str) -> None:
    assert visit(season_page, 390).page.evaluate("document.scripts.length") == 0


ENDS_A_PAGE = """() => ['caption', 'thead', 'h2', 'h3'].filter(name => {
  const one = document.querySelector(name); return one && getComputedStyle(one).breakAfter !== 'avoid'; })"""


def test_on_paper_no_heading_ends_a_page_and_no_table_is_wider_than_it(visit: Open, season_page: str) -> None:
    opened = visit(season_page, 688)  # A4 between its margins
    opened.page.emulate_media(media="print")

    assert opened.page.evaluate(ENDS_A_PAGE) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 688
