"""How often figures that go nowhere are told a trend, and how often a ramp is found: 2,000 series each, seeds fixed.

A night hands a share of its deviation on to the next: none (white noise), .5, .8, or all of it (a random walk). Ramps
rise over the whole series by a number of deviations of the noise. At most one series in a hundred may be told a trend
that it has not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from checks.review.trend import Direction, trend

NOW = datetime(2025, 6, 30, 6, tzinfo=UTC)
SERIES = 2_000
MOST_FALSE = 0.01
SHARES = {"white noise": 0.0, "AR .5": 0.5, "AR .8": 0.8, "random walk": 1.0}
RISES = (3, 6, 12, 24)
LENGTHS = (60, 90)


def main() -> None:
    """Print the share of series that are told a trend, without one and with ramps."""
    print(f"{'days':>4}  {'noise':12} {'no trend':>9}  " + "  ".join(f"rise {rise:>2}" for rise in RISES))  # noqa: T201
    for days in LENGTHS:
        for number, (name, share) in enumerate(SHARES.items()):
            wrong = told(days, share, 0.0, seed=1_000 * days + number)
            found = [told(days, share, rise, seed=1_000 * days + number) for rise in RISES]
            verdict = "ok" if wrong <= MOST_FALSE else f"ABOVE {MOST_FALSE:.0%}"
            powers = "  ".join(f"{power:7.0%}" for power in found)
            print(f"{days:>4}  {name:12} {wrong:9.2%}  {powers}  {verdict}")  # noqa: T201 - what a benchmark is for


def told(days: int, share: float, rise: float, seed: int, series: int = SERIES) -> float:
    """The share of series that are told to rise, or without a rise to move at all."""
    import numpy as np  # noqa: PLC0415 - takes long to import

    chance = np.random.default_rng(seed)
    # a random walk has no deviation of its own: its steps have one
    deviation = 1 / (1 - share**2) ** 0.5 if share < 1 else 1.0
    wanted = {Direction.RISING} if rise else {Direction.RISING, Direction.FALLING}
    moved = 0
    for _ in range(series):
        figures = chance.standard_normal(days)
        figures[0] *= deviation
        for day in range(1, days):
            figures[day] += share * figures[day - 1]
        ramp = np.linspace(0, rise * deviation, days)
        points = [(NOW - timedelta(days=days - 1 - day), float(figures[day] + ramp[day])) for day in range(days)]
        line = trend(points, NOW)
        moved += line is not None and line.direction in wanted
    return moved / series


if __name__ == "__main__":
    main()
