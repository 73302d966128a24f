"""A month in virtual time: exactly the messages that the policy promises, no more and no fewer.

The promises are written down a second time, as `Promised`: a plain state machine that goes forward in time, while
planning looks back into what was told. Both have to say the same at every half hour of thirty days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from alerts.incidents import Incident, observe
from alerts.incidents.store import acknowledge, listed
from alerts.outbox.enqueue import record
from alerts.people import Channel
from alerts.planning import Notification, Reason, decide, plan
from alerts.policy import Policy
from checks import Status
from etl.tables import deliveries, delivery_incidents, incidents
from tests.alerts.build import policy, result, statuses
from tests.alerts.conftest import Desk

START = datetime(2026, 3, 1, tzinfo=UTC)  # summer time begins on the 8th in Chicago
GRID = timedelta(minutes=30)
TICKS = 30 * 48
RULES = ("lost_rows", "twin_rows")
ADDRESSES = (("dana", Channel.EMAIL), ("dana", Channel.SMS), ("lee", Channel.SMS), ("kim", Channel.SMS))
CHICAGO = ZoneInfo("America/Chicago")

Address = tuple[str, Channel]
Sent = tuple[int, Address, frozenset[tuple[str, Reason]]]


@dataclass(frozen=True, slots=True)
class Knobs:
    repeat: int
    settle: int
    after: int
    escalate: int
    cap: int
    maintenance: tuple[int, int] | None

    def policy(self) -> Policy:
        window = ""
        if self.maintenance:
            start, end = (START + GRID * tick for tick in self.maintenance)
            window = f'[[maintenance]]\nstart = {start.isoformat()}\nend = {end.isoformat()}\nrules = ["lost_*"]\n'
        return policy(
            f"""
            repeat = "{self.repeat * 30}m"
            settle = "{self.settle * 30}m"
            night_cap = {self.cap}
            """,
            base=f"""
            [[people]]
            name = "dana"
            phone = "+14155550101"
            email = "dana@example.org"
            timezone = "America/Chicago"
            hours = "07:00-22:00"
            [[people]]
            name = "lee"
            phone = "+14155550102"
            [[people]]
            name = "kim"
            phone = "+14155550103"
            timezone = "America/Chicago"
            hours = "07:00-22:00"
            [[routes]]
            who = ["dana"]
            by = ["sms"]
            statuses = ["CRITICAL"]
            [[routes]]
            who = ["dana"]
            by = ["email"]
            after = "{self.after * 30}m"
            [escalation]
            after = "{self.escalate * 30}m"
            [[escalation.chain]]
            who = ["lee"]
            by = ["sms"]
            [[escalation.chain]]
            who = ["kim"]
            by = ["sms"]
            {window}""",
        )


@dataclass(frozen=True, slots=True)
class Month:
    runs: dict[int, tuple[Status, ...]]
    acknowledged: frozenset[tuple[int, int]]


@st.composite
def months(draw: st.DrawFn) -> Month:
    status = st.sampled_from(
        [Status.OK, Status.OK, Status.WARN, Status.ERROR, Status.CRITICAL, Status.CRITICAL, Status.SKIPPED]
    )
    dense = draw(st.integers(0, TICKS - 100))
    ticks = draw(st.sets(st.integers(0, TICKS - 1), max_size=25)) | draw(
        st.sets(st.integers(dense, dense + 99), max_size=25)
    )
    # a daily run at the same time: what returns, returns exactly a day later
    ticks |= set(range(draw(st.integers(0, 47)), TICKS, 48)) if draw(st.booleans()) else set()
    runs = {tick: tuple(draw(status) for _ in RULES) for tick in sorted(ticks)}
    answers = st.tuples(st.integers(0, TICKS - 1), st.integers(0, len(RULES) - 1))
    return Month(runs, draw(st.frozensets(answers, max_size=10)))


knobs = st.builds(
    Knobs,
    repeat=st.sampled_from([6, 48]), settle=st.sampled_from([0, 0, 4]), after=st.sampled_from([0, 0, 3]),
    escalate=st.sampled_from([1, 4]), cap=st.sampled_from([1, 3, 50]),
    maintenance=st.none() | st.integers(0, TICKS - 120).flatmap(
        lambda first: st.tuples(st.just(first), st.integers(first + 1, first + 100))
    ),
)  # fmt: skip


UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=8, deadline=None, suppress_health_check=UNHURRIED)
@given(knobs, months())
def test_a_month_of_incidents_gives_exactly_the_messages_that_the_policy_promises(knobs: Knobs, month: Month) -> None:
    assert simulated(knobs.policy(), month) == Promised(knobs).messages(month)


@pytest.mark.slow
@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=UNHURRIED)
@given(knobs, months())
def test_many_months_give_exactly_the_messages_that_the_policy_promises(knobs: Knobs, month: Month) -> None:
    assert simulated(knobs.policy(), month) == Promised(knobs).messages(month)


DAYS = 4
STORY = Month(
    {0: (Status.WARN, Status.CRITICAL), 20: (Status.CRITICAL, Status.CRITICAL), 68: (Status.CRITICAL, Status.OK),
     100: (Status.OK, Status.WARN), 116: (Status.ERROR, Status.WARN), 164: (Status.OK, Status.OK)},
    frozenset({(30, 0)}),
)  # fmt: skip


@pytest.mark.slow
def test_the_outbox_holds_what_planning_says(desk: Desk) -> None:
    rules = Knobs(repeat=6, settle=0, after=3, escalate=1, cap=3, maintenance=(80, 90)).policy()
    sent: list[Sent] = []
    for tick in range(DAYS * 48):
        now = START + GRID * tick
        with desk.work.engine.begin() as connection:
            for one in listed(connection):
                if (tick, RULES.index(one.rule)) in STORY.acknowledged:
                    acknowledge(connection, one.id, "dana", now)
            found = dict(zip(RULES, STORY.runs.get(tick, ()), strict=False))
            numbers = record(connection, statuses(found, now), rules, now).messages
            sent += [(tick, *one) for one in held(connection, numbers)]

    assert sorted(sent) == [one for one in simulated(rules, STORY) if one[0] < DAYS * 48]
    assert len(sent) > 30


def held(connection: Connection, numbers: Sequence[int]) -> list[tuple[Address, frozenset[tuple[str, Reason]]]]:
    message, about = deliveries.c, delivery_incidents.c
    found = select(message.recipient, message.channel, incidents.c.rule, about.reason)
    found = found.join(delivery_incidents, about.delivery_id == message.id)
    found = found.join(incidents, incidents.c.id == about.incident_id).where(message.id.in_(numbers))
    items: dict[Address, set[tuple[str, Reason]]] = {}
    for row in connection.execute(found):
        items.setdefault((row.recipient, Channel(row.channel)), set()).add((row.rule, Reason(row.reason)))
    return [(address, frozenset(some)) for address, some in items.items()]


def simulated(rules: Policy, month: Month) -> list[Sent]:
    """What our code sends: every half hour a run or a dispatcher plans."""
    known: dict[int, Incident] = {}
    latest: dict[str, int] = {}
    told: list[Notification] = []
    sent: list[Sent] = []
    for tick in range(TICKS):
        now = START + GRID * tick
        for number, one in list(known.items()):
            if one.open and one.acknowledged_at is None and (tick, RULES.index(one.rule)) in month.acknowledged:
                known[number] = replace(one, acknowledged_at=now, acknowledged_by="dana")
        for rule, status in zip(RULES, month.runs.get(tick, ()), strict=False):
            change = observe(known.get(latest.get(rule, 0)), result(rule, status), str(tick), now)
            if change is not None:
                latest[rule] = change.incident.id or len(known) + 1
                known[latest[rule]] = replace(change.incident, id=latest[rule])
        alive = [one for one in known.values() if one.resolved_at is None or now - one.resolved_at < timedelta(days=7)]
        if not alive:
            continue
        for message in plan(rules, decide(rules, alive, told, now), told, now):
            items = frozenset((item.incident.rule, item.reason) for item in message.items)
            sent.append((tick, (message.recipient, message.channel), items))
            told += [
                Notification(item.incident.id, message.recipient, message.channel, item.reason,
                     Status.OK if item.recovered else item.incident.status, now, item.step)
                for item in message.items
            ]  # fmt: skip
    return sorted(sent)


@dataclass(slots=True)
class Trouble:
    """What the world knows of one rule."""

    status: Status | None = None  # None: no trouble
    since: int = 0
    gone: int | None = None
    answered: bool = False
    step: int = 0
    stepped: int = 0
    heard: dict[Address, Status] = field(default_factory=dict)
    heard_at: dict[Address, int] = field(default_factory=dict)
    recovered: set[Address] = field(default_factory=set)


class Promised:
    """What the policy promises, going forward in time."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.now = {rule: Trouble() for rule in RULES}
        self.baseline: list[tuple[str, Trouble]] = []
        self.nights: dict[tuple[str, Channel, int], int] = {}

    def messages(self, month: Month) -> list[Sent]:
        sent: list[Sent] = []
        for tick in range(TICKS):
            for number, rule in enumerate(RULES):
                if (tick, number) in month.acknowledged and self.now[rule].status:
                    self.now[rule].answered = True
            for rule, status in zip(RULES, month.runs.get(tick, ()), strict=False):
                self.happens(rule, status, tick)
            for address in ADDRESSES:
                said = self.said(address, tick)
                if said and self.may_ring(address, tick, said):
                    for rule, trouble, reason in said:
                        self.hears(rule, trouble, reason, address, tick)
                    sent.append((tick, address, frozenset((rule, reason) for rule, _, reason in said)))
            self.count_steps(sent, tick)
        return sorted(sent)

    def happens(self, rule: str, status: Status, tick: int) -> None:
        trouble = self.now[rule]
        read_again = status is Status.SKIPPED and trouble.status is Status.ERROR
        if (status is Status.OK and trouble.status) or read_again:
            trouble.status, trouble.gone = None, tick
        if not status.failing or (status is Status.ERROR and trouble.status is Status.CRITICAL):
            return
        if trouble.status is None:
            if trouble.gone is not None and tick - trouble.gone > 48:
                self.baseline.append((rule, trouble))
                trouble = self.now[rule] = Trouble()
            trouble.since, trouble.answered, trouble.step = tick, False, 0
        elif status is not trouble.status:
            trouble.since, trouble.step = tick, 0
            trouble.answered = trouble.answered and status.rank < trouble.status.rank
        trouble.status = status

    def said(self, address: Address, tick: int) -> list[tuple[str, Trouble, Reason]]:
        everything = [*self.now.items(), *self.baseline]
        found = [(rule, trouble, self.reason(rule, trouble, address, tick)) for rule, trouble in everything]
        return [(rule, trouble, reason) for rule, trouble, reason in found if reason]

    def reason(self, rule: str, trouble: Trouble, address: Address, tick: int) -> Reason | None:
        window = self.knobs.maintenance if rule == "lost_rows" else None
        if window and window[0] <= tick < window[1]:
            return None
        if trouble.status is None:
            return self.ending(trouble, address, tick)
        if self.escalates(trouble, address, tick, window):
            return Reason.ESCALATION
        on_call = {("dana", Channel.EMAIL)} | ({("dana", Channel.SMS)} if trouble.status is Status.CRITICAL else set())
        if address not in on_call or (trouble.status is not Status.CRITICAL and not awake(address, tick)):
            return None
        delay = self.knobs.after if address[1] is Channel.EMAIL else 0
        heard = trouble.heard.get(address)
        if heard is None or trouble.status.rank > heard.rank:
            fresh = Reason.RETURNED if address in trouble.recovered else Reason.NEW
            return None if tick < trouble.since + delay else fresh if heard is None else Reason.WORSE
        long_ago = tick - trouble.heard_at[address] >= self.knobs.repeat
        return Reason.REPEAT if long_ago and not trouble.answered else None

    def ending(self, trouble: Trouble, address: Address, tick: int) -> Reason | None:
        if trouble.gone is None or address not in trouble.heard:
            return None
        settled = trouble.gone + self.knobs.settle <= tick < trouble.gone + 7 * 48
        return Reason.RECOVERY if settled and awake(address, tick) else None

    def escalates(self, trouble: Trouble, address: Address, tick: int, window: tuple[int, int] | None) -> bool:
        if trouble.status is not Status.CRITICAL or trouble.answered:
            return False
        chain = {("lee", Channel.SMS): 0, ("kim", Channel.SMS): 1}
        if chain.get(address) != trouble.step:
            return False
        over = [window[1]] if window and window[1] <= tick else []
        begin = trouble.stepped if trouble.step else max([trouble.since, *over])
        return tick >= begin + self.knobs.escalate

    def may_ring(self, address: Address, tick: int, said: list[tuple[str, Trouble, Reason]]) -> bool:
        if awake(address, tick):
            return True
        night = (*address, (local(tick) - timedelta(hours=12)).toordinal())
        rung = self.nights.get(night, 0)
        if rung >= self.knobs.cap and all(reason is not Reason.ESCALATION for *_, reason in said):
            return False
        self.nights[night] = rung + 1
        return True

    def hears(self, rule: str, trouble: Trouble, reason: Reason, address: Address, tick: int) -> None:
        if reason is Reason.RECOVERY:
            del trouble.heard[address]
            trouble.recovered.add(address)
            return
        assert trouble.status
        trouble.heard[address], trouble.heard_at[address] = trouble.status, tick

    def count_steps(self, sent: list[Sent], tick: int) -> None:
        told = {rule for at, _, items in sent if at == tick for rule, reason in items if reason is Reason.ESCALATION}
        for rule in told:
            self.now[rule].step, self.now[rule].stepped = self.now[rule].step + 1, tick


def local(tick: int) -> datetime:
    return (START + GRID * tick).astimezone(CHICAGO)


def awake(address: Address, tick: int) -> bool:
    return address[0] == "lee" or 7 <= local(tick).hour < 22
