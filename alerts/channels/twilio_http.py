"""The HTTP client under Twilio's: with a timeout, without retries of its own, without logs, and for any address.

Twilio's own client has no timeout, and behind an HTTPS proxy its retries sent three copies of one message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response

API = "https://api.twilio.com"


class PatientOnce(HttpClient):  # type: ignore[misc] # twilio's base class is untyped for strict mypy
    """Asks once and waits at most `timeout` seconds for a connection, and as long for an answer."""

    def __init__(self, base_url: str, timeout: float) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self.is_async = False
        self.headers: Mapping[str, str] = {}
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=0))

    def request(  # noqa: PLR0917 - the signature is twilio's
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request; the headers of the answer are kept, for twilio's exceptions lose them."""
        arguments: dict[str, Any] = {"params": params, "data": data, "headers": headers, "auth": auth}
        answer = self.session.request(
            method,
            url.replace(API, self.base_url, 1),
            timeout=timeout or self.timeout,
            allow_redirects=False,
            **arguments,
        )
        self.headers = answer.headers
        return Response(answer.status_code, answer.text, answer.headers)
