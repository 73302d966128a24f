"""Small pictures: what was read is in them, what lies outside is not, and they say it in words."""

from __future__ import annotations

import re
from datetime import timedelta

from checks.engine.authoring.units import Measure
from checks.review.charts import Marked, heat_strip, line_chart, sparkline, stacked_bars
from checks.review.time_series import TimeSeries
from tests.checks.review.seasons import FIRST

DAY = timedelta(days=1)
UNTIL = FIRST + 10 * DAY
SERIES = TimeSeries(
    key="x", title="x", unit=Measure.PERCENT, trend=None,
    points=tuple((FIRST + n * DAY, 0.01 * n) for n in range(1, 10)), limits=(("WARN", 0.05), ("CRITICAL", 0.9)),
)  # fmt: skip


def points(svg: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', svg)
    return [] if found is None else [tuple(map(float, pair.split(","))) for pair in found[1].split()]  # type: ignore[misc]


def test_a_line_goes_up_where_the_figures_do() -> None:
    places = points(line_chart(SERIES, since=FIRST, until=UNTIL, alt="rising"))

    assert len(places) == 9
    assert places == sorted(places, key=lambda place: (place[0], -place[1]))


def test_a_limit_that_is_near_is_drawn_and_one_far_away_does_not_press_the_line_flat() -> None:
    svg = line_chart(SERIES, since=FIRST, until=UNTIL, alt="rising")

    assert ">WARN<" in svg
    assert ">CRITICAL<" not in svg


def test_figures_outside_of_the_time_are_left_out() -> None:
    assert len(points(line_chart(SERIES, since=FIRST + 5 * DAY, until=UNTIL, alt="rising"))) == 4
    assert line_chart(SERIES, since=UNTIL, until=UNTIL + DAY, alt="nothing") == ""


def test_a_mark_that_lasts_goes_on_to_the_edge() -> None:
    marks = [Marked(FIRST + 8 * DAY, None, "incident <7>"), Marked(FIRST - 9 * DAY, FIRST - DAY, "of earlier")]
    svg = line_chart(SERIES, since=FIRST, until=UNTIL, alt="rising", marks=marks)

    (x, width) = map(float, re.findall(r'class="mark" x="([\d.]+)" width="([\d.]+)"', svg)[0])
    assert abs(x + width - 712) < 0.2
    assert "incident &lt;7&gt;" in svg
    assert "of earlier" not in svg


def test_new_rows_stand_above_the_line_and_fixed_ones_below() -> None:
    svg = stacked_bars([(FIRST + DAY, 3, 0), (FIRST + 2 * DAY, 0, 5)], since=FIRST, until=UNTIL, alt="new and fixed")
    (above,) = re.findall(r'class="new" x="[\d.]+" width="[\d.]+" y="([\d.]+)" height="([\d.]+)"', svg)
    (below,) = re.findall(r'class="fixed" x="[\d.]+" width="[\d.]+" y="([\d.]+)" height="([\d.]+)"', svg)

    assert float(above[0]) + float(above[1]) == float(below[0])
    assert abs(float(below[1]) / float(above[1]) - 5 / 3) < 0.01


def test_nothing_new_and_nothing_fixed_is_no_picture() -> None:
    assert stacked_bars([(FIRST + DAY, 0, 0)], since=FIRST, until=UNTIL, alt="none") == ""


def test_a_strip_has_the_colour_of_each_days_band() -> None:
    svg = heat_strip([FIRST, FIRST + DAY, FIRST + 2 * DAY, FIRST + 3 * DAY], [95.0, 80.0, None, 50.0])

    assert re.findall(r'<path class="(\w+)"', svg) == ["healthy", "watch", "unknown", "critical"]
    assert 'aria-label="4 days: lowest 50.0, highest 95.0"' in svg


def test_one_figure_is_no_line_as_small_as_a_word() -> None:
    assert sparkline(SERIES, since=UNTIL - 2 * DAY, alt="x") == ""
    assert 'aria-label="&#34;x&#34;"' in sparkline(SERIES, since=FIRST, alt='"x"')
