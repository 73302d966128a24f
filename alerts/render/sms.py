"""One SMS of at most 160 characters of its alphabet (GSM 03.38): the worst first, a token at its end.

A character outside of that alphabet would leave room for 70 only, so it is replaced by the nearest within.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from alerts.planning import Item, Planned, Reason
from alerts.render import Content, Headline, by_rule_of, one_line, title_of_all

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")  # each takes two places
PLACES, UCS2_PLACES = 160, 70
LETTERS = str.maketrans({
    "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "…": "..", "·": "-", "•": "-", "×": "x",
    "\u2010": "-", "\u2012": "-", "\u2015": "-", "′": "'", "″": '"', "‚": "'", "„": '"', "‹": "<", "›": ">", "«": '"',
    "»": '"', "\u2009": " ", "\u2002": " ", "\u2003": " ", "\u2007": " ", "\u200a": " ", "\u202f": " ",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE", "`": "'", "\u00a0": " ", "−": "-",
})  # fmt: skip


def gsm(text: str) -> str:
    """A text with everything that has a near likeness in the alphabet put into it; the rest stays as it is."""
    plain = unicodedata.normalize("NFC", text).translate(LETTERS)
    return "".join(map(_near, plain))


def fits_alphabet(text: str) -> bool:
    """Whether a text needs no other alphabet."""
    return all(char in BASIC or char in EXTENDED for char in text)


def size(text: str) -> int:
    """How many places a text takes: characters of the alphabet, or else UTF-16 units."""
    if fits_alphabet(text):
        return sum(2 if char in EXTENDED else 1 for char in text)
    return len(text.encode("utf-16-be")) // 2


def room(text: str) -> int:
    """How many places a message with this text has."""
    return PLACES if fits_alphabet(text) else UCS2_PLACES


def fits(text: str) -> bool:
    """Whether a text is one message."""
    return size(text) <= room(text)


def _near(char: str) -> str:
    if char in BASIC or char in EXTENDED:
        return char
    bare = "".join(part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part))
    return bare if bare and all(part in BASIC for part in bare) else char


NEEDS_UCS2 = f"a name needs UCS-2, so the SMS has {UCS2_PLACES} characters"
WORDS = {
    Reason.RECOVERY: "OK",
    Reason.REPEAT: "still",
    Reason.RETURNED: "again",
    Reason.ESCALATION: "unanswered",
}


def render_sms(planned: Planned, headline: Headline | None, token: str, link: str = "") -> Content:
    """As many incidents as fit, those of one rule as one, how many more there are, and a link to the worst.

    The link is left out where the worst would not keep its whole line beside it.
    A name outside the alphabet of SMS leaves room for 70 characters only, and the content's note says so.
    """
    head = gsm(_head(planned, headline))
    tail = gsm(f"{' (last tonight)' if planned.last_of_night else ''} {_answer(planned)}#{token}")
    lines = [gsm(one_line(_line(group))) for group in by_rule_of(planned.items)]
    # an address in another alphabet would cost more than half of the message
    if link and fits_alphabet(link) and fits(_joined(head, lines, min(1, len(lines)), f" {link}{tail}")):
        tail = f" {link}{tail}"
    told = _with_news(planned, headline, head, lines, tail)
    if told:
        return Content(head, told, note="" if fits_alphabet(told) else NEEDS_UCS2)
    body = next(body for count in range(len(lines), -1, -1) if fits(body := _joined(head, lines, count, tail)))
    if len(lines) > 0 and body == _joined(head, lines, 0, tail):
        body = _cut(head, lines, tail)
    return Content(head, body, note="" if fits_alphabet(body) else NEEDS_UCS2)


def _with_news(planned: Planned, headline: Headline | None, head: str, lines: list[str], tail: str) -> str:
    """As many incidents as fit with what is new and gone: all of that, else its first sentences; empty where none fits.

    News come before the second incident and before figures, for they say in words what the rules' names do not.
    """
    news = headline.news if headline and planned.reason is not Reason.ESCALATION else None
    if news is None:
        return ""
    said = (news.line(), news.line(1), replace(news, label="").line(1), replace(news, label="", gone=()).line(1))
    bare = [gsm(one_line(title_of_all(group))) for group in by_rule_of(planned.items)]
    bodies = (
        _joined(head, shown, count, f"{gsm(f'. {one_line(words)}')}{tail}")
        for words in filter(None, said) for shown in (lines, bare) for count in range(len(shown), 0, -1)
    )  # fmt: skip
    return next(filter(fits, bodies), "")


def _head(planned: Planned, headline: Headline | None) -> str:
    if planned.reason is Reason.RECOVERY:
        return "Rally OK:"
    score = f", {headline}" if headline and headline.of_run else ""
    # the band, unless a word beside it says the same
    if headline and headline.score is not None and headline.band != planned.status.lower():
        score = f"{score} ({headline.band})"
    urgent = "UNANSWERED " if planned.reason is Reason.ESCALATION else ""
    return f"Rally {urgent}{planned.status}{score}:"


def _line(items: tuple[Item, ...]) -> str:
    item, incident, title = items[0], items[0].incident, title_of_all(items)
    if item.recovered:
        return f"OK {title}"
    word = WORDS.get(item.reason, "") if item.reason is not Reason.ESCALATION else ""
    which = f"worst {incident.parameter}" if len(items) > 1 else ""
    figures = "not measured" if incident.error else incident.measurement
    return " ".join(part for part in (word, title, which, figures) if part)


def _answer(planned: Planned) -> str:
    return "" if planned.reason is Reason.RECOVERY else "Reply ACK "


def _joined(head: str, lines: list[str], count: int, tail: str) -> str:
    shown = "; ".join(lines[:count])
    more = len(lines) - count
    rest = f"{' +' if count else ' '}{more} {'more' if count else 'incidents'}" if more else ""
    return f"{head}{' ' if shown else ''}{shown}{rest}{tail}"


def _cut(head: str, lines: list[str], tail: str) -> str:
    """Not even the first line fits whole: as much of it as does."""
    more = f" +{len(lines) - 1}" if len(lines) > 1 else ""
    return cut_to_fit(head, lines[0], f"{more}{tail}")


def cut_to_fit(head: str, text: str, tail: str) -> str:
    """One SMS with as much of a text as has room between its head and its tail."""
    for length in range(len(text), 0, -1):
        body = f"{head} {text[:length].rstrip()}..{tail}"
        if fits(body):
            return body
    return f"{head}{tail}"
