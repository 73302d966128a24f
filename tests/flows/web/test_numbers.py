"""Every number of the overview is the one that the commands and SQL give, on a database that real commands filled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from math import floor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.conftest import FEW, Run, know_only
from tests.flows.web.conftest import serving

BAD = (
    "failed_import",
    "hours_since_last_match_day",
    "matches_on_one_date",
    "share_of_rejected_rows",
    "team_twice_at_once",
)
ALL_RIGHT = ("duplicate_standing", "match_of_unknown_team", "team_without_schedule")
WITHOUT_ROWS = ("duplicate_result", "player_without_team", "rows_of_table")
"""Rules by what they find in what is imported here, of most domains."""
TEAMS = [f"Club {letter} - 11" for letter in "ABCDEFGHIJKL"]


@dataclass(frozen=True, slots=True)
class Overview:
    """The overview in its parts, by the anchors of their titles; the part before the first has none. And its run's."""

    parts: dict[str, str]
    page_of_run: str

    def rows(self, part: str) -> list[dict[str, str]]:
        """The rows of a table, each cell by its column; a cell that is empty on the page is ''."""
        titles = [plain(one) for one in re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", self.parts[part], re.DOTALL)]
        body = self.parts[part].split("<tbody", 1)[-1]
        lines = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
        cells = [[plain(one) for one in re.findall(r"<t[hd].*?</t[hd]>", line, re.DOTALL)] for line in lines]
        return [dict(zip(titles, line, strict=True)) for line in cells]

    def said(self, part: str) -> str:
        """All text of a part."""
        return plain(self.parts[part])


def plain(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


@pytest.fixture
def filled(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A league with refused rows, a held part and bad rows; checked twice, by somebody who cannot send mail."""
    know_only(tmp_path, *FEW, *BAD, *ALL_RIGHT, *WITHOUT_ROWS)
    monkeypatch.setenv("RALLY_ADMIN_EMAIL", "kim@example.org")
    monkeypatch.setenv("RALLY_SMTP_URL", "smtp://127.0.0.1:9")
    monkeypatch.setenv("RALLY_SMTP_FROM", "rally@example.org")
    write(tmp_path, "series_stats", [standing(name, points=points) for points, name in enumerate(TEAMS[:-1])])
    matches = [fixture(home, away) for home in TEAMS[:-1] for away in TEAMS[:-1] if home < away]
    write(tmp_path, "schedules", [*matches, fixture(TEAMS[0], TEAMS[1], date="no day")])
    run("import", tmp_path / "APTA_CHICAGO")
    run("check", "--alert")
    write(tmp_path, "schedules", matches[:20])
    assert run("import", tmp_path / "APTA_CHICAGO").code == 3
    return run


@pytest.fixture
def shown(filled: Run, database: Engine) -> tuple[dict[str, Any], Overview]:
    """What `check --json` said, and the overview after it."""
    report = filled("check", "--json", "-").json()
    with serving(database, datetime.now(UTC)) as place:
        page = place.get().text
        page_of_run = place.get(f"/run/{report['run']}").text
    main = page.split("<main", 1)[1].split("<footer", 1)[0]
    first, *others = re.split(r'<h2 id="([^"]+)">', main)
    return report, Overview({"": first, **dict(zip(others[::2], others[1::2], strict=True))}, page_of_run)


def test_every_number_of_the_overview_is_the_one_of_the_commands_and_of_sql(
    shown: tuple[dict[str, Any], Overview], filled: Run, database: Engine
) -> None:
    report, overview = shown
    newest, before = filled("history", "--limit", "2", "--json").json()
    with database.connect() as connection:
        row = connection.execute(
            text("select id::text, score, band, coverage from quality.check_runs order by started_at desc limit 1")
        ).one()

        # the score
        assert (report["run"], newest["run"]) == (row.id, row.id)
        assert report["score"] == newest["score"] == float(row.score)
        assert f"{row.score} of 100 {row.band}" in overview.said("")
        assert f"coverage {floor(row.coverage * 100)}% of all" in overview.said("")
        assert f"{before['score']:.2f} -> {newest['score']:.2f}" in overview.said("")

        # what is new, as the check told it
        assert report["news"]["new"]
        assert report["news"]["new"][0] in overview.said("now")

        # what is wrong: each row as the incident, as the result, and as its SQL counts
        incidents = filled("incidents", "list", "--json").json()
        rows = overview.rows("open-incidents")
        assert overview.said("open-incidents").startswith(f"Open incidents {len(incidents)} open")
        assert len(rows) == min(len(incidents), 12) > 3
        results = {(one["rule"], one["parameter"]): one for one in report["results"]}
        for one, incident in zip(rows, incidents, strict=False):
            result = results[incident["rule"], incident["parameter"]]
            assert one["incident"] == f"{incident['title']} #{incident['id']}"
            assert (one["status"], one["measurement"]) == (result["status"], incident["measurement"])
            if result["count"] is not None and result["sql"]:
                counted = connection.scalar(text(f"select count(*) from ({result['sql']}) bad".replace(":", "\\:")))
                assert one["measurement"].startswith(f"{counted:,} of {result['total']:,} ")

        # the daily figures and the process, as the weekly report has them
        weekly = filled("report", "weekly", "--json", "-").json()
        assert [one["met"] for one in weekly["daily"]]
        for figure in weekly["daily"]:
            assert f"{figure['title']} {figure['said']} " in overview.said("daily-figures")
        process = {one["metric"]: one["value"] for one in overview.rows("how-well-the-process-works")}
        assert process == {one["title"]: one["said"] for one in weekly["process"]}

        # domains and leagues
        domains = dict(re.findall(r"<bdi>(\w+)</bdi>.*?<strong>([\d.]+|unknown)</strong>", overview.parts["by-domain"]))
        assert {name: None if score == "unknown" else float(score) for name, score in domains.items()} == report[
            "domains"
        ]
        leagues = {one["league"]: one["now"] for one in overview.rows("leagues-over-time")}
        assert {name: float(score) for name, score in leagues.items()} == newest["parts"]["league"]

        # imports
        feeds: dict[str, dict[str, Any]] = {}
        for feed in filled("imports", "--json").json():
            feeds.setdefault(f"{feed['kind']} of {feed['league']}", feed)
        for one in overview.rows("last-import-of-each-feed"):
            feed = feeds.pop(one["feed"])
            assert (one["outcome"], one["import"]) == (feed["outcome"], f"#{feed['run']}")
            for name in ("rows", "rejects", "unlinked", "inserted", "updated", "withdrawn"):
                assert one.get(name, "") == (f"{feed[name]:,}" if feed[name] else "")
        assert feeds == {}
        held = filled("imports", "held", "--json").json()
        assert overview.said("held-parts-of-feeds").startswith(f"Held parts of feeds {len(held)} wait")
        assert [one["records"] for one in overview.rows("held-parts-of-feeds")] == [str(one["records"]) for one in held]

        # alerts: nobody can send, so they wait
        states = dict(
            connection.execute(text("select state, count(*) from quality.deliveries group by 1")).tuples().all()
        )
        waiting = sum(states.get(state, 0) for state in ("queued", "claimed", "sending", "unknown"))
        assert f"alerts {waiting} wait, {sum(states.values()) - waiting} dead letters" in overview.said("now")
        assert waiting > 0

    what_was_skipped_stands_last_and_says_why(report, overview.page_of_run)


def what_was_skipped_stands_last_and_says_why(report: dict[str, Any], page: str) -> None:
    statuses = re.findall(r'<tr[^>]*><td><span class="badge (\w+)">', page)
    reasons = {one["note"] for one in report["results"] if one["status"] == "SKIPPED"}

    assert statuses.index("SKIPPED") > max(number for number, one in enumerate(statuses) if one == "OK")
    assert reasons
    assert all(reason in unescape(page) for reason in reasons if reason)
