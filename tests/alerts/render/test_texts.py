"""What people read."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.incidents import Incident, found_in, new_token, observe
from alerts.outbox.enqueue import render
from alerts.people import Channel
from alerts.planning import Item, Planned, Reason
from alerts.render import Headline
from alerts.render.sms import NEEDS_UCS2, fits, fits_alphabet, gsm, size
from checks import Status
from checks.engine.reporting.verdict import News
from tests.alerts.build import NOON, result

TOKEN = "K7QF3M2P"  # noqa: S105
HEADLINE = Headline(Decimal("61.00"), "critical", 0.98)
HOSTILE = [
    "<script>alert(1)</script>",
    "\u202eevil\u2066",
    "a\r\nBcc: x@example.org",
    "x" * 10_000,
    "\ud800",
    "🏓" * 99,
]


def incident(rule: str = "lost_rows", status: Status = Status.CRITICAL, **more: object) -> Incident:
    change = observe(None, result(rule, status, **more), "run", NOON)  # type: ignore[arg-type]
    assert change is not None
    return replace(change.incident, id=7)


def planned(*items: Item, channel: Channel = Channel.SMS, last: bool = False) -> Planned:
    return Planned("dana", channel, items, last)


def sms(*items: Item, last: bool = False) -> str:
    return render(planned(*items, last=last), HEADLINE, TOKEN).text


def new(rule: str = "lost_rows", status: Status = Status.CRITICAL, **more: object) -> Item:
    return Item(incident(rule, status, **more), Reason.NEW)


def test_an_sms_of_one_incident() -> None:
    assert sms(new()) == "Rally CRITICAL, score 61: lost_rows 205 of 727 (28.2 %) Reply ACK #K7QF3M2P"


def test_an_sms_of_a_recovery_asks_for_no_answer() -> None:
    assert sms(replace(new(), reason=Reason.RECOVERY)) == "Rally OK: OK lost_rows #K7QF3M2P"


def test_an_sms_of_an_escalation_says_that_nobody_answered() -> None:
    assert sms(replace(new(), reason=Reason.ESCALATION)).startswith("Rally UNANSWERED CRITICAL, score 61: lost_rows")


def test_what_does_not_fit_is_counted() -> None:
    text = sms(*(new(f"rule_{number}") for number in range(9)))

    assert text == (
        "Rally CRITICAL, score 61: rule_0 205 of 727 (28.2 %); rule_1 205 of 727 (28.2 %); "
        "rule_2 205 of 727 (28.2 %) +6 more Reply ACK #K7QF3M2P"
    )


def test_a_first_line_that_is_too_long_is_cut() -> None:
    text = sms(new("r" * 300), new())

    assert size(text) == 160
    assert text.endswith(".. +1 Reply ACK #K7QF3M2P")


PAGES = "https://rally.example/"


def sms_with_link(*items: Item, pages: str = PAGES) -> str:
    return render(planned(*items), HEADLINE, TOKEN, "https://reports.example/", pages).text


def test_an_sms_leads_to_the_page_of_its_worst_incident() -> None:
    assert sms_with_link(new()) == (
        "Rally CRITICAL, score 61: lost_rows 205 of 727 (28.2 %) https://rally.example/incident/7 Reply ACK #K7QF3M2P"
    )


def test_what_does_not_fit_beside_the_link_is_counted() -> None:
    text = sms_with_link(*(new(f"rule_{number}") for number in range(9)))

    assert text == (
        "Rally CRITICAL, score 61: rule_0 205 of 727 (28.2 %); rule_1 205 of 727 (28.2 %) +7 more"
        " https://rally.example/incident/7 Reply ACK #K7QF3M2P"
    )


def test_a_recovery_leads_nowhere() -> None:
    assert sms_with_link(replace(new(), reason=Reason.RECOVERY)) == "Rally OK: OK lost_rows #K7QF3M2P"


@pytest.mark.parametrize("pages", ["https://rally.example/" + "long/" * 30, "https://ほし.example/"])
def test_a_link_that_would_cost_the_first_line_is_left_out(pages: str) -> None:
    assert sms_with_link(new(), pages=pages) == sms(new())


@given(st.lists(st.text(), min_size=1, max_size=5), st.sampled_from(Reason), st.text())
def test_every_sms_with_a_link_is_one_message(names: list[str], reason: Reason, place: str) -> None:
    items = [Item(incident(parameter=name), reason) for name in names]

    text = sms_with_link(*items, pages=f"https://{place}/")

    assert fits(text)
    assert text.endswith(f"#{TOKEN}")


def test_letters_with_a_near_likeness_stay_in_the_alphabet() -> None:
    content = render(planned(new(parameter="Łódź – “Šumava”")), None, TOKEN)

    assert 'lost_rows (Lodz - "Sumava")' in content.text
    assert (content.note, fits_alphabet(content.text)) == ("", True)


def test_a_name_that_needs_ucs2_leaves_seventy_characters_and_says_so() -> None:
    content = render(planned(new(parameter="東京")), None, TOKEN)

    assert content.note == NEEDS_UCS2
    assert content.text == "Rally CRITICAL: lost_rows (東京) 205 of 727 (28.2 %) Reply ACK #K7QF3M2P"


def test_braces_take_two_places() -> None:
    assert (size("a"), size("{"), size("[x]")) == (1, 2, 5)


def test_160_characters_fit_and_161_do_not() -> None:
    assert fits("a" * 160)
    assert not fits("a" * 161)
    assert fits("東" * 70)
    assert not fits("東" * 71)


@given(st.lists(st.text(), min_size=1, max_size=5), st.sampled_from(Reason), st.booleans())
def test_every_sms_is_one_message_and_ends_with_its_token(names: list[str], reason: Reason, last: bool) -> None:
    items = [Item(incident(parameter=name), reason) for name in names]

    text = sms(*items, last=last)

    assert fits(text)
    assert text.endswith(f"#{TOKEN}")
    assert "\n" not in text


@given(st.text())
def test_what_gsm_makes_of_a_text_is_stable(text: str) -> None:
    assert gsm(gsm(text)) == gsm(text)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_hostile_name_is_inactive_in_mail(hostile: str) -> None:
    item = new(parameter=hostile, examples=({"home_team": hostile},), runbook="javascript:alert(1)")

    content = render(planned(item, channel=Channel.EMAIL), HEADLINE, TOKEN)

    assert content.html is not None
    assert "<script" not in content.html
    assert "href" not in content.html
    assert not {"\u202e", "\u2066", "\ud800", "\r"} & set(content.text + content.html)
    assert "\n" not in content.subject
    assert len(content.html) < 20_000


def test_a_mail_has_all_that_somebody_needs_to_begin() -> None:
    item = new(
        examples=({"match_date": "2026-03-02", "home_team": "Birchwood - 11"},), runbook="https://example.org/lost",
        owner="schedules",
    )  # fmt: skip

    content = render(planned(item, channel=Channel.EMAIL), HEADLINE, TOKEN, "https://example.org/reports")

    assert content.subject == "[Rally] CRITICAL: lost_rows"
    assert content.text == (
        """\
Rally: 1 incident, worst CRITICAL; health score 61 (critical), 98% measured

CRITICAL  lost_rows  (new)
  A scheduled match is linked to no team at all.
  Found: 205 of 727 (28.2 %)
  For example: match_date=2026-03-02, home_team=Birchwood - 11
  Severity: HIGH, costs 12.50 points
  Open since: 2026-03-02 12:00 UTC
  Owner: schedules
  Runbook: https://example.org/lost
  Details: rally-health incidents show 7

More: https://example.org/reports
To acknowledge: rally-health incidents ack --token K7QF3M2P
"""
    )
    assert content.html is not None
    assert '<a href="https://example.org/lost">' in content.html


@given(st.builds(new_token))
def test_a_token_is_found_in_what_people_type(token: str) -> None:
    assert found_in(f"ack {token.lower()} thanks") == token
    assert found_in(f"#{token}") == token


@pytest.mark.parametrize("text", ["ok thanks", "approved", "", "2 of 3", "STANDARD"])
def test_words_are_no_tokens(text: str) -> None:
    assert found_in(text) is None


def many_leagues(number: int, reason: Reason = Reason.NEW) -> list[Item]:
    return [Item(incident("gap", parameter=f"L{n:03}"), reason) for n in range(number)]


def test_an_sms_names_a_rule_of_many_leagues_once() -> None:
    text = sms(*many_leagues(101), new())

    assert text == (
        "Rally CRITICAL, score 61: gap (101) worst L000 205 of 727 (28.2 %); lost_rows 205 of 727 (28.2 %)"
        " Reply ACK #K7QF3M2P"
    )
    assert sms(*many_leagues(101, Reason.RECOVERY)) == "Rally OK: OK gap (101) #K7QF3M2P"


def test_the_league_that_is_named_is_the_worst_also_where_points_are_rounded_away() -> None:
    first, second, third = many_leagues(3)
    worse = replace(second, incident=replace(second.incident, measurement="9 of 10 (90 %)"))
    dear = replace(
        third, incident=replace(third.incident, points=third.incident.points + 1, measurement="1 of 9 (11.1 %)")
    )

    assert "gap (2) worst L001 9 of 10 (90 %)" in sms(first, worse)
    assert "gap (3) worst L002 1 of 9 (11.1 %)" in sms(first, worse, dear)


def test_a_mail_has_one_paragraph_for_a_rule_of_many_leagues_and_names_ten() -> None:
    content = render(planned(*many_leagues(101), new(), channel=Channel.EMAIL), HEADLINE, TOKEN)

    assert content.subject == "[Rally] CRITICAL: gap (101) and 1 more"
    assert content.text.count("CRITICAL  ") == 2
    assert "L009 205 of 727 (28.2 %); 91 more" in content.text
    assert "L010" not in content.text
    assert content.html is not None
    assert content.html.count("<h2") == 2


def test_a_mail_keeps_what_is_resolved_of_a_rule_apart() -> None:
    items = (*many_leagues(2), replace(many_leagues(3)[2], reason=Reason.RECOVERY))

    text = render(planned(*items, channel=Channel.EMAIL), HEADLINE, TOKEN).text

    assert "CRITICAL  gap (2)  (new)" in text
    assert "OK  gap (L002)  (gone)" in text


NEWS = News(NOON, "since yesterday", ("16 teams of APTA Chicago have no schedule",),
            ("3 team names of CITA that were unknown",))  # fmt: skip


def with_news(news: News, *items: Item, channel: Channel = Channel.SMS) -> str:
    return render(planned(*items, channel=channel), replace(HEADLINE, news=news), TOKEN).text


def test_an_sms_says_what_is_new_and_gone_in_words() -> None:
    assert with_news(NEWS, new()) == (
        "Rally CRITICAL, score 61: lost_rows. New: 16 teams of APTA Chicago have no schedule."
        " Gone: 3 team names of CITA that were unknown. Reply ACK #K7QF3M2P"
    )
    assert with_news(replace(NEWS, gone=()), new()) == (
        "Rally CRITICAL, score 61: lost_rows 205 of 727 (28.2 %). New since yesterday: 16 teams of APTA Chicago have no"
        " schedule. Reply ACK #K7QF3M2P"
    )


def test_news_come_before_the_second_incident_of_an_sms() -> None:
    text = with_news(replace(NEWS, gone=()), *(new(f"rule_{number}") for number in range(9)))

    assert text.startswith("Rally CRITICAL, score 61: rule_0 ")
    assert " +8 more. New since yesterday: 16 teams of APTA Chicago have no schedule. Reply" in text


@given(st.lists(st.text(max_size=200), max_size=5), st.lists(st.text(max_size=200), max_size=5), st.integers(1, 5))
def test_an_sms_with_any_news_is_one_message_with_its_token(added: list[str], gone: list[str], number: int) -> None:
    news = News(NOON, "since yesterday", tuple(added), tuple(gone))

    text = with_news(news, *(new(f"rule_{one}") for one in range(number)))

    assert fits(text)
    assert text.endswith("#K7QF3M2P")
    assert "rule_0" in text


def test_a_mail_says_what_is_new_under_its_heading_and_escapes_it() -> None:
    text = with_news(NEWS, new(), channel=Channel.EMAIL)
    html = render(planned(new(), channel=Channel.EMAIL),
                  replace(HEADLINE, news=replace(NEWS, new=("<b>x",))), TOKEN).html  # fmt: skip

    assert text.splitlines()[1] == NEWS.line()
    assert html is not None
    assert "New since yesterday: &lt;b&gt;x." in html


def test_an_escalation_keeps_to_its_matter() -> None:
    assert "New since" not in with_news(NEWS, replace(new(), reason=Reason.ESCALATION))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Café Zürich, Ångström àèéùìò Çñ Ø", "Café Zürich, Ångström àèéùìò Çñ Ø"),
        ("Cafe\u0301", "Café"),
        ("Škoda, çedilla, âêîôû, Żółw", "Skoda, cedilla, aeiou, Zolw"),
        ("€ [5] {x} ~", "€ [5] {x} ~"),
        ("北京 é", "北京 é"),
    ],
)
def test_accents_that_sms_has_stay_and_others_go(text: str, sent: str) -> None:
    assert gsm(text) == sent
