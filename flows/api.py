"""Whether there is a Prefect API to run under, found out without importing Prefect, which takes two seconds."""

from __future__ import annotations

import tomllib

import httpx

from flows.settings import Settings

PROBE_SECONDS = 3


def api_url(settings: Settings) -> str | None:
    """The API that the environment or the active Prefect profile names; None where neither does."""
    if settings.prefect_api_url is not None:
        return settings.prefect_api_url or None
    home = settings.prefect_home.expanduser()
    try:
        known = tomllib.loads((home / "profiles.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no profile, or one that Prefect will complain about itself
        return None
    profile = known.get("profiles", {}).get(settings.prefect_profile or known.get("active"), {})
    return str(profile.get("PREFECT_API_URL") or "") or None


def silence(url: str) -> str:
    """Why an API does not answer; empty when it does. What it answers to a caller without a key is an answer, too."""
    try:
        status = httpx.get(f"{url.rstrip('/')}/health", timeout=PROBE_SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return f"HTTP {status}" if status >= httpx.codes.INTERNAL_SERVER_ERROR else ""
