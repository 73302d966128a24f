"""What a flow finds around it when nobody has called it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.service.context import current_invocation, today_here
from flows.settings import SettingsError, read_settings


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker without DATABASE_URL."""
    for name in ("DATABASE_URL", "RALLY_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RALLY_DATA", str(tmp_path))


def test_a_worker_makes_no_empty_database_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DATABASE_URL is not set .* no embedded database .* rally-health init"):
        current_invocation()

    assert not list(tmp_path.iterdir())


def test_a_worker_uses_the_embedded_database_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()

    assert current_invocation().settings.data == tmp_path


def test_a_worker_uses_the_database_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://rally@db/rally")

    assert current_invocation().settings.database_url is not None


def test_today_is_the_day_where_the_leagues_play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between six in the evening and midnight of Chicago, a host in UTC took tomorrow's matches for today's."""
    far_east, far_west = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # 25 hours apart: never the same day

    monkeypatch.setenv("RALLY_TIMEZONE", far_east)
    east = today_here()
    monkeypatch.setenv("RALLY_TIMEZONE", far_west)
    west = today_here()

    assert east > west


def test_a_zone_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RALLY_TIMEZONE", "Mars/Olympus")

    with pytest.raises(SettingsError, match="RALLY_TIMEZONE: Value error, expected an IANA time zone"):
        read_settings()
