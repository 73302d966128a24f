"""The pages in a real browser: no error, no request elsewhere, nothing to scroll sideways, usable by keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import Engine

from alerts.incidents.store import listed
from alerts.outbox.enqueue import render
from alerts.people import Channel
from alerts.planning import Item, Planned, Reason
from checks.engine.collecting.collect import collect
from checks.scopes import SOURCES
from flows.web.render import PAGES
from tests.benchmarks import bench_report
from tests.checks.review.hostile import HOSTILE, plant_hostile
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NOW, plant_season
from tests.conftest import copy_of
from tests.flows.web.conftest import Place, serving
from tests.flows.web.test_pages import addresses

pytestmark = pytest.mark.slow
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def season_and_worse(server: str, template: str) -> Iterator[Place]:
    """The season, with names in it that try to be more than names, and leagues with scores."""
    for engine in copy_of(server, template):
        _plant(engine)
        with serving(engine, NOW) as place:
            yield place


@pytest.fixture(scope="module")
def two_years(server: str) -> Iterator[Place]:
    """Two years of daily runs with a hundred rules and 200 leagues."""
    for engine in copy_of(server, "template1"):
        bench_report.fill(engine.url.render_as_string(hide_password=False), 200)
        with serving(engine, bench_report.NOW) as place:
            yield place


def _plant(engine: Engine) -> None:
    with engine.begin() as connection:
        plant = Plant(connection, collect(SOURCES))
        plant_season(plant)
        plant_hostile(plant, HOSTILE)
        plant.run(NOW, {"duplicate_match": (9, 10)}, leagues={f"LEAGUE {n}": 60.0 + n for n in range(30)})


class Watched:
    """A page of the browser that notes what it complains of and what it asks for."""

    def __init__(self, browser: Any, place: Place, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.add(urlsplit(request.url).netloc))
        self.url = place.url

    def open(self, address: str) -> Any:
        """Go to an address."""
        self.page.goto(f"{self.url}{address}")
        return self.page


@pytest.mark.parametrize("width", WIDTHS)
def test_each_page_is_quiet_and_fits(browser: Any, season_and_worse: Place, width: int) -> None:
    watched = Watched(browser, season_and_worse, width)
    for page in PAGES:
        for address in addresses(season_and_worse, page, NOW, most=2):
            shown = watched.open(address)
            wide = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert (address, watched.complaints, wide) == (address, [], 0)
    watched.context.close()

    assert watched.asked == {urlsplit(season_and_worse.url).netloc}


def test_two_years_with_200_leagues_are_quiet_and_fit(browser: Any, two_years: Place) -> None:
    watched = Watched(browser, two_years, min(WIDTHS))
    for page in PAGES:
        for address in addresses(two_years, page, bench_report.NOW, most=1):
            shown = watched.open(address)
            wide = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert (address, watched.complaints, wide) == (address, [], 0)
    watched.context.close()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_each_page_can_be_used_by_everybody(browser: Any, season_and_worse: Place, scheme: str) -> None:
    """Contrast, landmarks, labels and all else that axe-core knows of; in the dark only colours are others."""
    looked_for = {} if scheme == "light" else {"runOnly": ["color-contrast"]}
    # of what is well, one node of each rule: to name all others takes longer than to look at them
    options = {"resultTypes": ["violations"], **looked_for}
    # axe-core is a script that the pages' own policy would not let in
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True)
    shown, axe = context.new_page(), Axe()
    for page in PAGES:
        for address in addresses(season_and_worse, page, NOW, most=1):
            shown.goto(f"{season_and_worse.url}{address}")
            answer = axe.run(shown, options=options).response
            found = [(one["id"], node["target"]) for one in answer["violations"] for node in one["nodes"][:2]]
            passed = {one["id"] for one in answer["passes"]}
            assert passed >= {"color-contrast", "landmark-one-main"} or (looked_for and passed == {"color-contrast"})
            assert (address, found) == (address, [])
    context.close()


def test_keys_alone_lead_to_the_content_and_sort_a_table(browser: Any, season_and_worse: Place) -> None:
    watched = Watched(browser, season_and_worse)
    shown = watched.open("/rules")
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the content"

    heading = shown.locator("thead th", has_text="rule").first.locator("button")
    heading.focus()
    shown.keyboard.press("Enter")
    names = shown.locator("tbody th").all_text_contents()
    shown.keyboard.press("Enter")
    turned = shown.locator("tbody th").all_text_contents()
    watched.context.close()

    assert names == sorted(names)
    assert turned == names[::-1]


def test_numbers_are_sorted_as_numbers(browser: Any, season_and_worse: Place) -> None:
    watched = Watched(browser, season_and_worse)
    shown = watched.open("/runs")
    shown.locator("thead th", has_text="score").first.locator("button").click()
    scores = shown.locator('td[data-label="score"]').all_text_contents()
    watched.context.close()

    known = [float(score) for score in scores if score != "unknown"]
    assert len(known) > 50
    assert known == sorted(known)


def test_the_statement_is_copied_by_a_button(browser: Any, season_and_worse: Place) -> None:
    watched = Watched(browser, season_and_worse)
    watched.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = watched.open("/rule/duplicate_match")
    button = shown.locator(".copied button").first
    button.click()
    shown.wait_for_function("document.querySelector('.copied button').textContent !== 'Copy'")
    copied = shown.evaluate("navigator.clipboard.readText()")
    watched.context.close()

    assert copied.strip() == "select 1"


def test_a_page_is_whole_without_scripts(browser: Any, season_and_worse: Place) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    shown = context.new_page()
    shown.goto(f"{season_and_worse.url}/rules?domain=teams")
    rows = shown.locator("tbody tr").count()
    context.close()

    assert 0 < rows < 40


def test_from_the_message_rows_cause_runbook_and_fix_are_three_clicks_away(
    browser: Any, season_and_worse: Place
) -> None:
    """The 6 a.m. SMS leads to its worst incident; import, feed and league are one click further, or two."""
    with season_and_worse.engine.connect() as connection:
        (worst,) = [one for one in listed(connection) if one.rule == "standing_without_team"]
    planned = Planned("kim", Channel.SMS, (Item(worst, Reason.NEW),), False)
    message = render(planned, None, "K7QF3M2P", pages=season_and_worse.url).text
    (link,) = re.findall(r"https?://\S+", message)
    watched = Watched(browser, season_and_worse, 390)

    shown = watched.open(link.removeprefix(season_and_worse.url))  # the first click, on a phone

    seen = shown.locator("main").inner_text()
    assert worst.measurement in seen
    for named in ("SQL of the bad rows", "What may have brought it", "Runbook", "Timeline"):
        assert shown.get_by_role("heading", name=named).count() == 1
    assert "rally-health check --name standing_without_team --detailed" in seen
    assert "rally-health fix plan standing_without_team" in seen
    shown.locator("main a[href^='/import/']").first.click()  # the second
    assert "Refused rows by reason" in shown.locator("main").inner_text()
    shown.locator("main a[href^='/feed/']").first.click()  # the third
    assert "Rows over time" in shown.locator("main").inner_text()
    watched.context.close()
    assert watched.complaints == []
