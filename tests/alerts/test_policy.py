"""The policy as people write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from alerts import PolicyError
from alerts.people import Channel, Hours, span
from alerts.policy import FAILING, admin_policy, load_policy
from checks import Status
from flows.service.alerts import policy_of
from flows.settings import Settings
from tests.alerts.build import EMAIL, PHONE

DANA = '[[people]]\nname = "dana"\n'
BROKEN = {
    "a national number": (
        f'{DANA}phone = "0664 1234567"',
        "people.0.phone: expected an international number (E.164): +, country code, 7 to 15 digits, no spaces",
    ),
    "no address": (
        f'{DANA}email = "dana at example"',
        "people.0.email: expected a plain ASCII address such as name@example.org",
    ),
    "a line break in an address": (
        f'{DANA}email = "a@example.org\\nBcc: b@example.org"',
        "people.0.email: expected a plain ASCII address such as name@example.org",
    ),
    "no zone": (
        f'{DANA}timezone = "Mars/Base"',
        "people.0.timezone: expected an IANA time zone such as America/Chicago",
    ),
    "no hours": (f'{DANA}hours = "7-22"', 'people.0.hours: expected hours such as "07:00-22:00"'),
    "a slip": (f'{DANA}phon = "{PHONE}"', "people.0.phon: Extra inputs are not permitted"),
    "a stranger": (
        f'{DANA}[[routes]]\nwho = ["lee"]\nby = ["sms"]',
        "policy: routes.0 names 'lee', who is not among the people: dana",
    ),
    "no way to reach": (
        f'{DANA}[[routes]]\nwho = ["dana"]\nby = ["sms"]',
        "policy: routes.0 reaches 'dana' by sms, but there is no phone",
    ),
    "two of a name": (DANA + DANA, "policy: two people have the same name"),
    "no length of time": (
        f'repeat = "often"\n{DANA}', 'repeat: expected a length of time such as "30m", "24h" or "7d"'
    ),
    "a window that ends first": (
        f"{DANA}[[maintenance]]\nstart = 2026-03-02T10:00:00Z\nend = 2026-03-02T10:00:00Z",
        "maintenance.0: a maintenance window has to end after it starts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_policy_that_cannot_be_used_names_the_entry_and_repeats_no_value(broken: str) -> None:
    text, message = BROKEN[broken]

    with pytest.raises(PolicyError) as raised:
        load_policy(text)

    assert str(raised.value) == f"the alert policy cannot be used: {message}"


def test_text_that_is_no_toml_is_not_repeated() -> None:
    with pytest.raises(PolicyError) as raised:
        load_policy(f'{DANA}phone = "{PHONE}')

    assert str(raised.value) == "the alert policy is no TOML (at end of document)"


def test_contacts_can_be_kept_in_a_file_of_their_own() -> None:
    policy = load_policy(DANA, f'[dana]\nphone = "{PHONE}"\nemail = "{EMAIL}"')

    assert set(policy.by_name["dana"].contacts) == {Channel.SMS, Channel.EMAIL}


def test_contacts_of_nobody_are_a_slip() -> None:
    with pytest.raises(PolicyError, match="1 contacts belong to nobody among the people"):
        load_policy(DANA, f'[dna]\nphone = "{PHONE}"')


def test_a_policy_shows_no_contact() -> None:
    policy = load_policy(f'{DANA}phone = "{PHONE}"\nemail = "{EMAIL}"\nurl = "json://user:secret@example.org"')

    shown = f"{policy!r} {policy} {policy.model_dump_json()} {policy.by_name['dana'].contacts}"

    assert not any(secret in shown for secret in (PHONE, EMAIL, "secret@"))


@pytest.mark.parametrize(("text", "expected"), [
    ("45s", timedelta(seconds=45)), ("30m", timedelta(minutes=30)), ("24h", timedelta(days=1)), ("7d", timedelta(7)),
])  # fmt: skip
def test_lengths_of_time(text: str, expected: timedelta) -> None:
    assert span(text) == expected


def awake(hours: str, utc: str, zone: str = "America/Chicago") -> bool:
    person = load_policy(f'{DANA}timezone = "{zone}"\nhours = "{hours}"').by_name["dana"]
    return person.awake(datetime.fromisoformat(utc).replace(tzinfo=UTC))


def test_hours_begin_at_their_start_and_end_before_their_end() -> None:
    assert awake("07:00-22:00", "2026-01-05T13:00:00")
    assert not awake("07:00-22:00", "2026-01-05T12:59:59")
    assert not awake("07:00-22:00", "2026-01-06T04:00:00")


def test_hours_keep_to_the_local_clock_over_the_change_to_summer_time() -> None:
    assert not awake("07:00-22:00", "2026-03-07T12:59:00")  # 06:59 in winter
    assert awake("07:00-22:00", "2026-03-08T12:00:00")  # 07:00 in summer


def test_hours_can_run_over_midnight() -> None:
    assert awake("22:00-06:00", "2026-01-05T23:30:00", "UTC")
    assert awake("22:00-06:00", "2026-01-05T05:59:00", "UTC")
    assert not awake("22:00-06:00", "2026-01-05T06:00:00", "UTC")


def test_the_whole_day() -> None:
    assert awake("00:00-24:00", "2026-01-05T23:59:59", "UTC")


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)), st.sampled_from(["07:00-22:00", "22:00-06:00"]))  # noqa: DTZ001
def test_a_night_began_less_than_a_day_ago_and_was_quiet_ever_since(naive: datetime, hours: str) -> None:
    now = naive.replace(tzinfo=UTC)
    person = load_policy(f'{DANA}timezone = "America/Chicago"\nhours = "{hours}"').by_name["dana"]
    began = person.night_began(now)

    assert (began is None) == person.awake(now)
    if began is not None:
        assert timedelta(0) <= now - began <= timedelta(hours=25)
        assert not person.awake(began)
        assert person.awake(began - timedelta(minutes=1))


def test_hours_are_written_as_they_are_read() -> None:
    assert str(Hours.parse("07:00-22:00")) == "07:00-22:00"


def test_phone_and_address_of_an_administrator_make_a_policy() -> None:
    policy = admin_policy(SecretStr("+13125550100"), SecretStr("kim@example.org"))

    assert policy is not None
    assert [(route.by, route.statuses) for route in policy.routes] == [
        ((Channel.SMS,), (Status.CRITICAL,)),
        ((Channel.EMAIL,), tuple(status for status in FAILING if status is not Status.CRITICAL)),
    ]
    assert policy.watch is not None
    assert policy.watch.by == (Channel.SMS, Channel.EMAIL)


def test_an_address_alone_hears_of_everything() -> None:
    policy = admin_policy(None, SecretStr("kim@example.org"))

    assert policy is not None
    assert {status for route in policy.routes for status in route.statuses} == set(FAILING)
    assert {channel for route in policy.routes for channel in route.by} == {Channel.EMAIL}


def test_alerts_of_an_administrator_lead_to_the_pages_too() -> None:
    policy = policy_of(Settings(admin_email=SecretStr("kim@example.org"), serve_url="https://rally.example/"))

    assert policy is not None
    assert (policy.link, policy.pages) == ("https://rally.example/", "https://rally.example/")


def test_without_both_there_is_none() -> None:
    assert admin_policy(None, None) is None


def test_a_bad_number_is_named_by_its_setting_and_not_repeated() -> None:
    with pytest.raises(PolicyError) as refused:
        admin_policy(SecretStr("312 555 0100"), None)

    assert str(refused.value).startswith("RALLY_ADMIN_PHONE: expected an international number")
    assert "555" not in str(refused.value)
