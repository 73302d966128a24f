"""`make pictures`: docs/overview.png, rule.png and import.png, of the planted season in a real browser, and report.svg.

The last is the demo's first report and its last, as a terminal shows them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

from checks.engine.collecting.collect import collect
from checks.scopes import SOURCES
from etl.database import open_engine
from etl.embedded import running
from etl.migrate import upgrade
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NOW, figures, plant_season
from tests.flows.web.conftest import serving

DOCS = Path(__file__).resolve().parents[1] / "docs"
LEAGUES = ("APTA_CHICAGO", "CITA", "CNSWPL", "NSTF")
PAGES = {"overview": "/", "rule": "/rule/match_without_teams", "import": "/import/57"}
WIDTH, HEIGHT = 1100, 1500


def main() -> None:
    """Play the demo, serve the season, and photograph the pages."""
    draw_reports()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", fsync="off") as url:
        engine = open_engine(url)
        upgrade(engine)
        with engine.begin() as connection:
            plant = Plant(connection, collect(SOURCES))
            plant_season(plant)
            for night in range(30):
                scores = {name: 99.0 - 4 * place - (night % (5 + place)) * place for place, name in enumerate(LEAGUES)}
                plant.run(NOW - timedelta(days=29 - night, minutes=5), figures(30 + night), leagues=scores)
        with serving(engine, NOW) as place:
            photograph(place.url)
        engine.dispose()


def draw_reports() -> None:
    """Play the demo in a folder that is thrown away, and keep its picture."""
    program = Path(sys.executable).with_name("rally-health")
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(("RALLY_", "DATABASE_", "PREFECT_"))
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "demo", "--picture", str(DOCS / "report.svg")]
        subprocess.run(command, cwd=folder, env=others, check=True, stdout=subprocess.DEVNULL)


def photograph(url: str) -> None:
    """Write the pictures of the pages at an address."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name, path in PAGES.items():
            page.goto(f"{url}{path}")
            tall = page.evaluate("document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": min(HEIGHT, tall)}
            page.screenshot(path=DOCS / f"{name}.png", clip=clip, full_page=True)  # type: ignore[arg-type]
        browser.close()


if __name__ == "__main__":
    main()
