"""Reads a policy and the contacts that are kept apart from it."""

from __future__ import annotations

import tomllib
from typing import Any

from pydantic import ValidationError

from alerts.errors import PolicyError
from alerts.policy.model import Policy


def load_policy(text: str, contacts: str = "", *, source: str = "the alert policy") -> Policy:
    """A policy from TOML. `contacts` is TOML too: a table of phone, email and url for each person's name.

    Raises PolicyError, whose message repeats no value of either text.
    """
    data, known = _parse(text, source), _parse(contacts, f"the contacts of {source}")
    people = data.get("people")
    if known and isinstance(people, list):
        data["people"] = [_with_contact(person, known) for person in people]
        _refuse_strangers(people, known, source)
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc'])) or 'policy'}: {_said(one['msg'])}" for one in error.errors()]
        raise PolicyError(f"{source} cannot be used: {'; '.join(lines)}") from None


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # the text around the place is left out: it can be a number or a token
        place = str(error)[str(error).rfind("(at ") :] if "(at " in str(error) else ""
        raise PolicyError(f"{source} is no TOML {place}".rstrip()) from None


def _with_contact(person: Any, known: dict[str, Any]) -> Any:
    contact = known.get(str(person.get("name"))) if isinstance(person, dict) else None
    return person | contact if isinstance(contact, dict) else person


def _refuse_strangers(people: list[Any], known: dict[str, Any], source: str) -> None:
    named = {person.get("name") for person in people if isinstance(person, dict)}
    if set(known) - named:
        raise PolicyError(f"{source}: {len(set(known) - named)} contacts belong to nobody among the people")


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
