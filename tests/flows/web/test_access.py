"""Who may look at the pages, and that nobody can change anything by them."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from flows.settings import SettingsError, read_settings
from flows.web.app import Access, read_only, reader_of
from tests.flows.conftest import Run
from tests.flows.web.conftest import Place, serving

TOKEN = "a-token-of-some-length"  # noqa: S105 - no real one


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "rally.example"])  # noqa: S104
def test_who_can_be_reached_by_others_needs_a_token_or_a_proxy(host: str) -> None:
    with pytest.raises(SettingsError, match=f"{host} can be reached by others, who would see everything"):
        Access.of(read_settings(), host)

    assert Access.of(read_settings(serve_token=TOKEN), host).token == TOKEN
    assert Access.of(read_settings(serve_proxy_header="X-User"), host).header == "X-User"


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SettingsError, match="RALLY_SERVE_TOKEN is too short; expected 16 characters or more"):
        Access.of(read_settings(serve_token=TOKEN[:15]), "127.0.0.1")


def test_the_command_refuses_another_address_without_a_token(run: Run) -> None:
    ran = run("serve", "--host", "0.0.0.0")  # noqa: S104

    assert ran.code == 2
    assert "RALLY_SERVE_TOKEN" in ran.out


def test_a_token_opens_the_pages_as_a_password_and_as_a_bearer(planted: Engine) -> None:
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    with serving(planted, serve_token=TOKEN) as place:
        answers = [
            place.get(headers={"authorization": given} if given else {}).status_code
            for given in ("", "Bearer wrong", f"Bearer {TOKEN}", f"Basic {basic}", "Basic ?", TOKEN)
        ]
        asked = place.get().headers["www-authenticate"]

    assert answers == [401, 401, 200, 200, 401, 401]
    assert asked.startswith("Basic ")


def test_a_proxy_opens_the_pages_by_its_header(planted: Engine) -> None:
    with serving(planted, serve_proxy_header="X-Signed-In") as place:
        assert place.get().status_code == 403
        assert place.get(headers={"X-Signed-In": "kim"}).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example:80", ""])
def test_on_loopback_no_other_name_is_answered_to(place: Place, name: str) -> None:
    """A page elsewhere could have its own name resolve to this machine, and read along."""
    assert place.get(headers={"host": name}).status_code == 421


def test_the_name_that_people_use_is_answered_to(planted: Engine) -> None:
    with serving(planted, serve_url="https://rally.example/health") as place:
        answer = place.get(headers={"host": "rally.example"})

    assert answer.status_code == 200
    assert 'href="/health/rules"' in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_looking_is_answered(place: Place, method: str) -> None:
    import httpx  # noqa: PLC0415

    assert httpx.request(method, place.url).status_code == 405


@pytest.mark.parametrize("path", ["/", "/nothing", "/assets/page.css", "/rule/none"])
def test_each_answer_forbids_what_a_page_must_not_do(place: Place, path: str) -> None:
    headers = place.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in headers


def test_pages_are_not_kept_by_who_passes_them_on(place: Place) -> None:
    assert place.get("/incidents").headers["cache-control"] == "no-store"


def test_a_page_is_read_by_a_role_that_cannot_write(planted: Engine) -> None:
    with read_only(planted, reader_of(planted)) as connection:
        assert connection.scalar(text("select current_user")) == "rally_reader"
        with pytest.raises(DBAPIError):
            connection.execute(text("delete from quality.incidents"))


def test_without_the_role_the_transaction_is_read_only(planted: Engine) -> None:
    with read_only(planted, None) as connection, pytest.raises(DBAPIError, match="read-only transaction"):
        connection.execute(text("delete from quality.incidents"))


def test_a_watcher_learns_that_the_process_lives_and_no_more(planted: Engine) -> None:
    with serving(planted, serve_token=TOKEN) as place:
        assert place.get("/alive").text == "alive\n"
