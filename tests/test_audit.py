"""The locks pin what is installed, and an audit that finds something says so."""

from __future__ import annotations

import pytest

from tests import audit

ENTRY = "rich==15.0.0 \\\n    --hash=sha256:0f\nhttpx==0.28.1 \\\n    --hash=sha256:1f\n"


def test_a_lock_names_the_versions_of_the_constraints_by_their_hashes() -> None:
    assert audit.faults_of_lock(ENTRY, {"rich": "15.0.0", "httpx": "0.28.1"}) == []
    assert audit.faults_of_lock(ENTRY, {"rich": "15.1.0"}) == ["rich 15.0.0 is not what constraints.txt says"]
    assert audit.faults_of_lock(f"six==1.17.0\n{ENTRY}", {}) == ["six==1.17.0 has no hash"]


@pytest.mark.parametrize("look", [audit.locks, audit.imports], ids=lambda look: look.__name__)
def test_locks_and_declared_dependencies_are_in_step_with_the_code(look: object) -> None:
    assert callable(look)
    found = look()

    assert found.is_well, found.text


@pytest.mark.slow
@pytest.mark.parametrize("look", [audit.code, audit.licences], ids=lambda look: look.__name__)
def test_code_and_licences_are_well(look: object) -> None:
    assert callable(look)
    found = look()

    assert found.is_well, found.text
