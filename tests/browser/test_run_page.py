"""The page of a run as a browser shows it: on a desk, on a phone, in the dark, and with hostile names in it."""

from __future__ import annotations

import pytest

from checks.render.formats import page
from tests.browser.conftest import Open
from tests.browser.test_report_page import CONTRAST, WIDTHS, is_quiet
from tests.checks.render.test_page import hostile
from tests.checks.render.test_render import ALL, report

pytestmark = pytest.mark.slow


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
