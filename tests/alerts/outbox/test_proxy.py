"""SMS behind an HTTPS proxy, mail behind a line, that fail in every way: none is lost, none is sent twice."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest
import trustme

from alerts.channels import State
from alerts.channels.smtp import SmtpMail
from alerts.channels.twilio import TwilioSms
from alerts.outbox.dispatch import dispatch
from alerts.outbox.enqueue import enqueue_test, outbox
from alerts.outbox.send import Work
from alerts.people import Channel
from tests.alerts.build import policy
from tests.alerts.channels.mail_server import Mail
from tests.alerts.channels.twilio_server import Handler, Twilio
from tests.alerts.conftest import Desk
from tests.relay import Relay, cut

ONLY_SMS = '[[people]]\nname = "kim"\nphone = "+14155550123"\n'
FAULTS = ("refuse", "cut at connect", "cut at once", "cut after the request", "cut the answer", "silent", "ok")
REFUSED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


class Tunnel(Relay):
    """A proxy that speaks CONNECT, and fails once for each fault that is planned."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.faults: deque[str] = deque()
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        fault = self.faults.popleft() if self.faults else "ok"
        with suppress(OSError), client:
            if fault == "cut at connect":
                return
            client.recv(65536)
            if fault == "refuse":
                client.sendall(REFUSED)
                return
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if fault != "cut at once":
                self._tunnel(client, fault)

    def _tunnel(self, client: socket.socket, fault: str) -> None:
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            swallow = fault in {"cut the answer", "silent", "cut after the request"}
            back = threading.Thread(target=_pump, args=(server, client, HANDSHAKE if swallow else None), daemon=True)
            back.start()
            if fault == "cut after the request":
                _pump(client, server, HANDSHAKE)
                return
            _pump(client, server, None)


HANDSHAKE = 4000
"""Bytes of TLS's handshake, more or less: what comes behind them is swallowed."""


def _pump(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    passed = 0
    with suppress(OSError):
        while data := source.recv(1024):
            passed += len(data)
            if most is not None and passed > most:
                return
            sink.sendall(data)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Twilio]:
    """Twilio behind TLS."""
    twilio = Twilio()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"twilio": twilio}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    twilio.url = f"https://localhost:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield twilio
    twilio.released.set()
    server.shutdown()
    server.server_close()


PLANS = pytest.mark.parametrize(
    "plans",
    [pytest.param(range(30, 45), marks=pytest.mark.slow),
     pytest.param(range(100), marks=[pytest.mark.slow, pytest.mark.long])],
    ids=["fifteen", "a hundred"],
)  # fmt: skip
"""Seeds of plans. A hundred wait half a minute for what goes silent; fifteen have each fault, and an uncertain mail."""


def tried_until_settled(work: Work, here: Desk) -> None:
    """One message, tried every half an hour until no try is left."""
    with work.engine.begin() as connection:
        (number,) = enqueue_test(connection, work.policy, here.clock())
    for _ in range(8):
        dispatch(work, only=[number], workers=1)
        here.clock.forward(timedelta(minutes=31))


@PLANS
def test_plans_of_faults_lose_no_sms_and_send_none_twice(  # noqa: PLR0917 - fixtures
    desk: Desk, secure: Twilio, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plans: range
) -> None:
    """ProxyError was taken for "surely not accepted", and the message sent once more."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    proxy = Tunnel(int(secure.url.rsplit(":", 1)[1]))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    sender = TwilioSms(secure.account(timeout=0.3))
    work = replace(desk.work, policy=policy(base=ONLY_SMS), senders={Channel.SMS: sender})
    here = desk.under(work.policy)
    for seed in plans:
        chance = Random(seed)  # noqa: S311 - a plan that can be played again
        proxy.faults.extend(chance.choices(FAULTS, k=chance.randint(1, 4)))
        tried_until_settled(work, here)
        proxy.faults.clear()
        assert len(secure.bodies) == 1 + seed - plans.start, f"lost or twice, seed {seed}: {here.outbox()[0]}"
    assert len(set(secure.bodies)) == len(plans)
    proxy.close()
    with work.engine.begin() as connection:
        states = [line.state for line in outbox(connection, limit=200)]
    assert len(states) == len(plans)
    assert set(states) <= {State.SENT, State.DELIVERED}


ONLY_MAIL = '[[people]]\nname = "kim"\nemail = "kim@example.org"\n'
CONVERSATION = 9000
"""Bytes that a delivery by STARTTLS takes in one direction, more or less."""


class Wire(Relay):
    """A line to a mail server that breaks, or goes silent, behind a number of bytes of one direction, as planned."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.faults: deque[tuple[str, int, bool]] = deque()
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        fault, most, upwards = self.faults.popleft() if self.faults else ("ok", 0, True)
        self._open.add(client)
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as server:
            self._open.add(server)
            limits = (most, None) if upwards else (None, most)
            ways = ((client, server, limits[0]), (server, client, limits[1]))
            ended = [threading.Event() for _ in ways]
            for (source, sink, limit), end in zip(ways, ended, strict=True):
                arguments = (source, sink, None if fault == "ok" else limit, fault == "silent", end)
                threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()
            for end in ended:
                end.wait()

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, most: int | None, silent: bool, end: threading.Event
    ) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(512):
                passed += len(data)
                if most is not None and passed > most:
                    if silent:
                        continue
                    break
                sink.sendall(data)
        cut(source)
        cut(sink)
        end.set()


@PLANS
def test_plans_of_faults_lose_no_mail_and_send_none_twice(desk: Desk, mail: Mail, plans: range) -> None:
    """A mail whose fate nobody can look up ends as `uncertain`, with its reason, until a person decides."""
    wire = Wire(mail.port)
    server = replace(mail.server(timeout=0.5), port=wire.port)
    work = replace(desk.work, policy=policy(base=ONLY_MAIL), senders={Channel.EMAIL: SmtpMail(server)})
    here = desk.under(work.policy)
    for seed in plans:
        chance = Random(seed)  # noqa: S311 - a plan that can be played again
        for _ in range(chance.randint(1, 4)):
            wire.faults.append(
                (chance.choice(("cut", "silent")), chance.randrange(CONVERSATION), chance.random() < 0.5)
            )
        tried_until_settled(work, here)
        wire.faults.clear()
    wire.close()
    arrived = Counter(letter["Message-ID"] for letter in mail.arrived)
    with work.engine.begin() as connection:
        lines = outbox(connection, limit=200)
    assert len(lines) == len(plans)
    assert set(arrived.values()) == {1}
    assert {line.state for line in lines} == {State.SENT, State.UNCERTAIN}
    sent = [line for line in lines if line.state is State.SENT]
    assert len(sent) <= len(mail.arrived) <= len(lines)
    assert {line.provider_id for line in sent} <= set(arrived)
    assert all(line.error for line in lines if line.state is State.UNCERTAIN)
