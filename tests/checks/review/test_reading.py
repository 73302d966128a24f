"""Incidents as reports read them: one record for each beginning, with what happened to it and to no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checks import Status
from checks.review.reading import incident_history
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NOW

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("kind", ["worse", "better", "told", "commented", "acknowledged"])
def test_an_acknowledgement_alone_acknowledges(kind: str, plant: Plant) -> None:
    plant.incident("duplicate_match", Status.WARN, [("opened", NOW - 9 * HOUR), (kind, NOW - 7 * HOUR)])

    (record,) = incident_history(plant.connection, NOW - 24 * HOUR, NOW)

    assert record.acknowledged_at == (NOW - 7 * HOUR if kind == "acknowledged" else None)
    assert (record.opened_at, record.resolved_at) == (NOW - 9 * HOUR, None)


def test_what_happened_after_a_reopening_is_of_the_second_record(plant: Plant) -> None:
    plant.incident("duplicate_match", Status.CRITICAL, [
        ("opened", NOW - 20 * HOUR), ("told", NOW - 19 * HOUR), ("acknowledged", NOW - 17 * HOUR),
        ("resolved", NOW - 13 * HOUR), ("reopened", NOW - 8 * HOUR), ("told", NOW - 6 * HOUR),
    ])  # fmt: skip

    first, second = incident_history(plant.connection, NOW - 24 * HOUR, NOW)

    assert [first.opened_at, first.notified_at, first.acknowledged_at, first.resolved_at] == [
        NOW - hours * HOUR for hours in (20, 19, 17, 13)
    ]
    assert [second.opened_at, second.notified_at, second.acknowledged_at] == [NOW - 8 * HOUR, NOW - 6 * HOUR, None]
