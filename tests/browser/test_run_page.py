"""The page of a run as a browser shows it: on a desk, on a phone, in the dark, and with hostile names in it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from checks.render.formats import page
from tests.browser.conftest import Open
from tests.browser.test_report_page import CONTRAST, WIDTHS, is_quiet
from tests.checks.render.test_page import hostile
from tests.checks.render.test_render import ALL, CRITICAL, report, result

pytestmark = pytest.mark.slow
RULES = [replace(CRITICAL, rule=f"rule_in_trouble_{number}") for number in range(20)]
RULES += [result(f"rule_that_is_well_{number}") for number in range(100)]


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_is_quiet(visit: Open, width: int) -> None:
    opened = visit(page(ALL), width)

    assert opened.width == width
    assert is_quiet(opened), opened.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(visit: Open, scheme: str) -> None:
    assert visit(page(ALL), 1280, scheme).page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_change_nothing(visit: Open, width: int) -> None:
    opened = visit(page(report(hostile)), width)

    assert opened.width == width
    assert is_quiet(opened), opened.complaints
    assert opened.page.locator("script, iframe, img").count() == 0


def test_a_phone_shows_a_summary_and_folds_the_rest(visit: Open) -> None:
    phone, desk = (visit(page(ALL), width).page for width in (390, 1280))

    for name in ("example", "what was skipped"):
        phrase = {"example": "58 of 62 in CNSWPL, series 12", "what was skipped": "nothing to measure: no rows"}[name]
        assert (phrase in phone.locator("main").inner_text(), phrase in desk.locator("main").inner_text()) == (
            False,
            True,
        )
    phone.locator("details.fold > summary").first.click()
    assert "58 of 62 in CNSWPL, series 12" in phone.locator("main").inner_text()


def test_paper_holds_twenty_rules_in_trouble_and_a_hundred_that_are_well_on_a_dozen_pages(visit: Open) -> None:
    """It had been forty: a sheet is narrower than a desk, and was laid out as a phone."""
    printed = visit(page(report(*RULES)), 1280).page.pdf(format="A4")

    assert 4 <= len(re.findall(rb"/Type ?/Page\b", printed)) <= 12
