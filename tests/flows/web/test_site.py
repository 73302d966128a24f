"""The pages as files: whole without a server, and without a dead link."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy import Engine

from flows.settings import Settings, read_settings
from flows.web.render import FileLinks, file_name
from flows.web.site import NotASite, write_site
from tests.flows.conftest import Run


@pytest.fixture
def settings(planted: Engine) -> Settings:
    return read_settings(database_url=planted.url.render_as_string(hide_password=False))


def test_every_link_of_the_site_leads_to_a_file_of_it(settings: Settings, tmp_path: Path) -> None:
    count = write_site(settings, tmp_path / "site")
    pages = list((tmp_path / "site").glob("*.html"))

    assert len(pages) == count > 80
    for page in pages:
        text = page.read_text()
        for link in re.findall(r'(?:href|src|action)="([^"#]+)"', text):
            assert link == "data:," or (tmp_path / "site" / unquote(link)).is_file(), f"{page.name}: {link}"
        assert "<form" not in text


@pytest.mark.usefixtures("few_rules")
def test_writing_again_removes_the_pages_that_are_no_more(database: Engine, tmp_path: Path) -> None:
    settings = read_settings(database_url=database.url.render_as_string(hide_password=False))
    site = tmp_path / "site"
    write_site(settings, site)
    manifest = json.loads((site / "site.json").read_text())
    (site / "incident-999.html").write_text("of last year")
    (site / "site.json").write_text(json.dumps(manifest | {"pages": [*manifest["pages"], "incident-999.html"]}))

    write_site(settings, site)

    assert not (site / "incident-999.html").exists()
    assert json.loads((site / "site.json").read_text())["pages"] == manifest["pages"]


def test_a_folder_with_something_else_in_it_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "thesis.html").write_text("mine")

    with pytest.raises(NotASite, match="holds something else than a site of ours"):
        write_site(settings, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.html"]


@pytest.mark.usefixtures("few_rules")
def test_the_command_writes_the_site(run: Run, tmp_path: Path) -> None:
    ran = run("site", tmp_path / "out")

    assert ran.code == 0
    assert re.fullmatch(r"Wrote [\d,]+ pages. Next: open .*out/index.html", ran.out.strip())
    assert (tmp_path / "out" / "assets" / "page.css").stat().st_size > 1000


@pytest.mark.parametrize(
    ("kind", "key", "name"),
    [("", "", "index.html"), ("rules", "", "rules.html"), ("rule", "twin_team", "rule-twin_team.html"),
     ("assets", "page.css", "assets/page.css")],
)  # fmt: skip
def test_a_file_is_called_as_its_page(kind: str, key: str, name: str) -> None:
    assert file_name(kind, key) == name


def test_names_that_differ_are_different_files_without_any_path() -> None:
    names = {file_name("league", key) for key in ("../../etc", "..-..-etc", "a b", "a/b", "x" * 300, "x" * 301)}

    assert len(names) == 6
    assert not [name for name in names if "/" in name or len(name) > 120]


def test_what_was_not_written_leads_nowhere() -> None:
    link = FileLinks(written=frozenset({"rules.html"}))

    assert (link("rules"), link("rule", "twin_team")) == ("rules.html", "")
