"""Imports, checks, repairs and alerts side by side, while something kills their processes and their connections.

Afterwards the data are what the feeds say, people's own rows are those that were written less those that repairs took
away, no message was sent twice or lost, the ledgers are closed, and the sealed history can be verified.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event, Lock

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from alerts.outbox.enqueue import enqueue_test
from alerts.policy import load_policy
from etl.database import open_engine
from tests.etl.importing.feeds import APTA, fixture, standing
from tests.etl.importing.feeds import write as write_feed
from tests.faults.commands import Rally, wait_until_quiet
from tests.faults.conftest import CONTACTS, POLICY, Amount, Messenger
from tests.faults.test_kills import LATER, RUNNING, rows
from tests.forks import Ended, Running
from tests.silent import DatabaseProxy

pytestmark = pytest.mark.slow

TEAMS = ("Birchwood - 11", "Tennaqua - 11")
DAYS = tuple(f"{month:02}/{day:02}/2025" for month in range(1, 7) for day in (7, 14, 21, 28))
CODES = {0, 1, 3, 4, 5, 75, -9}
"""How a command may end: as documented, or killed."""
OWN = text("""
insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id)
select '2025-03-04', '18:30', h.team_name, a.team_name, h.id, a.id, 'own', h.league_id
from teams h, teams a where h.team_name = 'Birchwood - 11' and a.team_name = 'Tennaqua - 11'
""")
TERMINATE = text("""
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name like 'rally-health%' order by random() limit 1
""")
FROM_FEED = text("select to_char(match_date, 'MM/DD/YYYY'), location from schedule where location <> 'own' order by 1")
OWN_ROWS = text("select count(*) from schedule where location = 'own'")
MOST = 5
TAKEN = text("""
select coalesce(sum((change ->> 2)::int), 0) from quality.repairs, jsonb_array_elements(changes) change
where state = 'applied' and change ->> 1 = 'delete'
""")
MESSAGES = text("select channel, state, count(*) from quality.deliveries group by 1, 2 order by 1, 2")
STATES = {"sms": {"sent"}, "email": {"sent", "uncertain"}}


@dataclass
class Turmoil:
    """Commands side by side until `over`; each that ran is counted by its name and its exit code."""

    engine: Engine
    proxy: DatabaseProxy
    messenger: Messenger
    seed: int
    over: Event = field(default_factory=Event)
    ended: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    own: int = 0
    running: list[Running] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def rally(self) -> Rally:
        return self.messenger.rally.on(self.proxy.url)

    def run(self, *arguments: str) -> Ended:
        """Run a command that may be killed; an end that no document names is kept."""
        with self.lock:
            running = self.rally.start(*arguments)
            self.running.append(running)
        try:
            ended = running.end()
        finally:
            with self.lock:
                self.running.remove(running)
        self.ended[f"{arguments[0]} {ended.code}"] += 1
        if ended.code not in CODES or "Traceback" in ended.out:
            self.wrong.append(f"{' '.join(arguments)} ended with {ended.code}: {ended.out[-2000:]}")
        return ended

    def importing(self) -> None:
        """Two feeds of the same fixtures take turns."""
        for name in cycle(("one", "other")):
            if self.over.is_set():
                return
            if "imports are stopped" in self.run("import", f"{name}/{APTA}", "--wait", "3").out:
                # they stop by themselves where one was killed twice
                self.run("etl", "resume", "--reason", "drill")

    def checking(self) -> None:
        """Checks of the schedule, kept in the history."""
        while not self.over.is_set():
            self.run("check", "--domain", "schedule")

    def repairing(self) -> None:
        """People write a match twice; a repair takes it away, and is sometimes taken back."""
        chance = Random(self.seed)  # noqa: S311 - a case that can be played again
        while not self.over.is_set():
            with self.engine.begin() as connection:
                # more of them, and the guard would see the feed shrink beside people's rows
                if connection.scalar(OWN_ROWS) < MOST:
                    self.own += connection.execute(OWN).rowcount
            plan = re.search(r"plan (\d+) of", self.run("fix", "plan", "duplicate_match").out)
            if plan is not None:
                self.run("fix", "apply", plan[1], "--yes", "--no-snapshot")
                if chance.random() < 0.4:
                    self.run("fix", "undo", plan[1], "--yes")

    def alerting(self) -> None:
        """Messages are queued and sent; what a killed dispatcher left is taken over by a later one."""
        while not self.over.is_set():
            with self.engine.begin() as connection:
                enqueue_test(connection, load_policy(POLICY, CONTACTS), datetime.now(UTC))
                # no dispatcher runs now, so that nobody's lease is cut short
                connection.execute(LATER)
            self.run("alerts", "dispatch")

    def nemesis(self) -> None:
        """Something goes wrong every other second."""
        chance = Random(self.seed)  # noqa: S311 - as above
        while not self.over.wait(chance.uniform(0.5, 4)):
            fault = chance.choice((self._kill, self._terminate, self.proxy.cut_open))
            self.faults[fault.__name__.strip("_")] += 1
            with suppress(DBAPIError):
                fault()

    def _kill(self) -> None:
        with self.lock:
            if self.running:
                Random(self.seed + sum(self.faults.values())).choice(self.running).kill()  # noqa: S311 - as above

    def _terminate(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(TERMINATE)

    def last(self) -> Iterator[Callable[[], None]]:
        """All that goes on at once."""
        yield from (self.importing, self.checking, self.repairing, self.alerting, self.nemesis)


def feeds(folder: Path) -> None:
    """Two trees of the same season: courts change, nothing is added or withdrawn."""
    for name in ("one", "other"):
        write_feed(folder / name, "series_stats", [standing(team, points=20 + len(name)) for team in TEAMS])
        write_feed(folder / name, "schedules", [fixture(*TEAMS, day, location=f"Court {name}") for day in DAYS])


def verify(turmoil: Turmoil, calm: Rally) -> Sequence[str]:
    """What is not as it should be, once all is quiet again."""
    engine, (twilio, mail) = turmoil.engine, (turmoil.messenger.twilio, turmoil.messenger.mail)
    calm.run("etl", "resume", "--reason", "drill")
    published = calm.run("import", f"one/{APTA}", "--force", "--wait", "30")
    for _ in range(4):
        with engine.begin() as connection:
            connection.execute(LATER)
        calm.run("alerts", "dispatch")
    sealed = calm.run("history", "verify")
    ((own,),), ((taken,),) = rows(engine, OWN_ROWS), rows(engine, TAKEN)
    states = {(channel, state): number for channel, state, number in rows(engine, MESSAGES)}
    sms, mails = (sum(n for (channel, _), n in states.items() if channel == name) for name in ("sms", "email"))
    letters = [one["Message-ID"] for one in mail.arrived]
    sent = states.get(("email", "sent"), 0)
    seen, wanted = rows(engine, FROM_FEED), tuple((day, "Court one") for day in DAYS)
    faults = {
        "the last import": published.code == 0 or published.out,
        "the feed's rows": seen == wanted or seen,
        "people's rows": own == turmoil.own - taken or (own, turmoil.own, taken),
        "the ledger": rows(engine, RUNNING) == ((0,),),
        "the seals": sealed.code == 0 or sealed.out,
        "states of messages": all(state in STATES[channel] for channel, state in states) or states,
        "SMS lost or double": len(twilio.bodies) == len(set(twilio.bodies)) == sms or (len(twilio.bodies), sms),
        "mail double": len(letters) == len(set(letters)),
        "mail lost": sent <= len(letters) <= mails or (sent, len(letters)),
    }  # fmt: skip
    return [f"{name}: {found}" for name, found in faults.items() if found is not True]


def test_all_at_once_under_a_nemesis_keeps_every_promise(
    messenger: Messenger, database: Engine, amount: Amount
) -> None:
    feeds(messenger.rally.folder)
    url = database.url.render_as_string(hide_password=False)
    calm = messenger.rally.on(url)
    assert calm.run("import", f"one/{APTA}").code == 0
    engine = open_engine(url, application="the test")  # the nemesis knows commands by their name
    with engine.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        connection.execute(OWN)
    database.dispose()  # its pool would count as a command's connection that outlived it
    own = 1
    for seed in range(amount.first, amount.first + amount.seeds):
        with DatabaseProxy(url) as proxy:
            turmoil = Turmoil(engine, proxy, messenger, seed, own=own)
            with ThreadPoolExecutor(5) as executor:
                futures = [executor.submit(one) for one in turmoil.last()]
                turmoil.over.wait(amount.seconds)
                turmoil.over.set()
                for future in futures:
                    future.result()
        wait_until_quiet(engine)
        own = turmoil.own
        wrong = [*turmoil.wrong, *verify(turmoil, calm)]
        counted = ", ".join(f"{number} {name}" for name, number in sorted((turmoil.ended + turmoil.faults).items()))
        amount.say(f"nemesis, seed {seed}, {amount.seconds:g} s: {counted}; {len(wrong)} promises broken")
        assert wrong == [], f"seed {seed}\n" + "\n".join(wrong)
    engine.dispose()
