"""A real HTTP server that speaks Twilio's Messages API, and misbehaves when told to."""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from alerts.channels.twilio import TwilioAccount

SID, TOKEN, SENDER = "AC" + "5e" * 16, "twilio-auth-token-0001", "+14155559999"


@dataclass
class Twilio:
    """The provider's memory. Each fault serves one request that sends: see `Handler.do_POST`."""

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)
    look_up_faults: deque[str] = field(default_factory=deque)
    posts: int = 0
    gets: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def environment(self) -> dict[str, str]:
        """What leads the command line here."""
        return {"RALLY_TWILIO_ACCOUNT_SID": SID, "RALLY_TWILIO_AUTH_TOKEN": TOKEN, "RALLY_TWILIO_FROM": SENDER,
                "RALLY_TWILIO_URL": self.url}  # fmt: skip

    def account(self, **more: Any) -> TwilioAccount:
        values: dict[str, Any] = {"sender": SecretStr(SENDER), "timeout": 1.0} | more
        return TwilioAccount(sid=SecretStr(SID), token=SecretStr(TOKEN), base_url=self.url, **values)

    @property
    def bodies(self) -> list[str]:
        return [one["body"] for one in self.messages if one["direction"] != "inbound"]

    def accept(self, to: str, body: str, sender: str = SENDER, direction: str = "outbound-api") -> dict[str, Any]:
        at = format_datetime(datetime.now(UTC))
        number = len(self.messages)
        message = {"sid": f"SM{number:032x}", "to": to, "from": sender, "body": body, "status": "queued",
                   "direction": direction, "date_created": at, "date_sent": None, "date_updated": at,
                   "error_code": None, "error_message": None}  # fmt: skip
        self.messages.append(message)
        return message


class Handler(BaseHTTPRequestHandler):
    twilio: Twilio

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self._body()).items()}
        self.twilio.posts += 1
        fault = self.twilio.faults.popleft() if self.twilio.faults else "ok"
        if fault == "cut":
            return self._cut()
        if fault == "429":
            return self._answer(429, {"code": 20429, "message": "Too Many Requests"}, {"Retry-After": "77"})
        if fault == "500":
            return self._answer(500, {"code": 20500, "message": "Internal Server Error"})
        if fault.startswith("code "):
            text = f"The number {form['To']} is refused"
            return self._answer(400, {"code": int(fault[5:]), "message": text, "status": 400})
        if not self._known():
            return self._answer(401, {"code": 20003, "message": "Authenticate", "status": 401})
        message = self.twilio.accept(form["To"], form["Body"], form.get("From", "service"))
        return self._accepted(fault, message)

    def _accepted(self, fault: str, message: dict[str, Any]) -> None:
        if fault == "accept and cut":
            return self._cut()
        if fault == "accept and hang":
            self.twilio.released.wait(30)
            return self._cut()
        if fault == "accept and 500":
            return self._answer(500, {"code": 20500, "message": "Internal Server Error"})
        if fault == "accept and html":
            return self._raw(201, b"<html>Created</html>", {"Content-Type": "text/html"})
        if fault == "accept and empty":
            return self._answer(201, {})
        return self._answer(201, message)

    def do_GET(self) -> None:
        self.twilio.gets += 1
        if self.twilio.look_up_faults:
            return self._answer(int(self.twilio.look_up_faults.popleft()), {"code": 20500, "message": "away"})
        address = urlsplit(self.path)
        if address.path.endswith("/Messages.json"):
            to = parse_qs(address.query).get("To", [""])[0]
            found = [one for one in reversed(self.twilio.messages) if one["to"] == to]
            return self._answer(200, {"messages": found, "next_page_uri": None, "page": 0, "page_size": 50})
        sid = address.path.rsplit("/", 1)[1].removesuffix(".json")
        return self._answer(200, next(one for one in self.twilio.messages if one["sid"] == sid))

    def _known(self) -> bool:
        expected = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _answer(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._raw(status, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _raw(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def twilio_server() -> Iterator[Twilio]:
    twilio = Twilio()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"twilio": twilio}))
    server.daemon_threads = True
    twilio.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield twilio
    finally:
        twilio.released.set()
        server.shutdown()
        server.server_close()
