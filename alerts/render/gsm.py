"""The alphabet of SMS (GSM 03.38): 160 characters of it fit into one message, of anything else 70."""

from __future__ import annotations

import unicodedata

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")  # each takes two places
PLACES, UCS2_PLACES = 160, 70
ELLIPSIS = ".."
LETTERS = str.maketrans({
    "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "…": "..", "·": "-", "•": "-", "×": "x",
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
