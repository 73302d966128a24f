"""Names that try to be more than names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from checks.engine.authoring.units import Status
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import FIRST

HOSTILE = (
    "<script>document.title='hacked';console.error('hacked')</script>",
    '"><img src=x onerror="console.error(\'hacked\')">',
    "</style><style>body{display:none}</style>",
    "</svg><a href=javascript:alert(1)>{{ 7 * 7 }}{% raw %}",
    "\u202etxet desrever\u202d \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "x" * 10_000,
    "'><iframe srcdoc='<script>console.error(1)</script>'>&lt;b&gt;&amp;#x3c;",
    "a\u0301" * 500 + "\u200b\ufeff\u2028\U0001f3be",
)


def plant_hostile(plant: Plant, names: Sequence[str]) -> None:
    """A past in which every text that comes from data is one of these names."""
    number = plant.number
    for turn, name in enumerate(names):
        at = FIRST - timedelta(hours=number + len(names) - turn)
        place = {"where": {"league": name}, "count": 9, "of": 9, "rows": 10, "lift": 2.0, "text": name}
        plant.run(
            at, {"duplicate_match": (9, 10), "matches_in_schedule": 10.0}, leagues={name: 50.0},
            clusters=[place], examples=[{"home_team": name, name[:50]: name}], error=name, note=name,
            threshold=name,
        )  # fmt: skip
        plant.imported(at, league=name[:64], outcome="failed", reasons=[name])
        if number == 0:
            plant.incident("duplicate_match", Status.CRITICAL, [("opened", at), ("resolved", at)])
