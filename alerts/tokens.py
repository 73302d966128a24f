"""Short tokens that a person can read off a telephone and type.

A message's token is also its mark at the provider: by it an earlier attempt is recognised.
"""

from __future__ import annotations

import re
import secrets

# no 0, O, 1, I, L, U: nobody has to ask which it was
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_TOKEN = re.compile(rf"#?\b([{ALPHABET}]{{{LENGTH}}})\b", re.IGNORECASE)


def new_token() -> str:
    """A token that cannot be guessed: 39 bits, good for one message; with a digit, so that it is no word."""
    token = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return token if not token.isalpha() else new_token()


def normal(token: str) -> str:
    """A token as it is stored, whatever case and mark it was typed with."""
    return token.strip().removeprefix("#").upper()


def found_in(text: str) -> str | None:
    """The first thing in a text that looks like a token; a bare word only when it holds a digit."""
    for match in _TOKEN.finditer(text):
        if match[0].startswith("#") or re.search(r"\d", match[1]):
            return match[1].upper()
    return None
