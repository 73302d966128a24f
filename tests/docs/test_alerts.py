"""The policy in the documentation is one that can be used."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from alerts.policy import load_policy

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ALERTS.md"


def test_the_policy_of_the_documentation_loads() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    example, contacts = (textwrap.dedent(f"   {block.lstrip()}") for block in blocks)

    policy = load_policy(example, contacts)

    assert (policy.night_cap, [person.name for person in policy.people]) == (5, ["kim", "lee", "ops-room"])
