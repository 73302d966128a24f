"""The figures of the data quality standards, each in one place and with a name.

Issue 5 fixes missing teams, null ids, duplicates, coverage and import success. All others were set by what
the real feeds of 2025 hold when they are in order (docs/REFERENCE_FINDINGS.md). A reading on a limit is within it.
"""

from __future__ import annotations

from checks import above, below, change, days, hours, percent, rows

# --- fixed by the standards
MISSING_TEAMS = above(target=percent(1), warn=percent(5), critical=percent(10))
"""Teams without what every team has. Read from the other side: a coverage of 99 % wanted, 95 and 90 % the limits."""
NULL_IDS = above(target=percent(0.1), warn=percent(1), critical=percent(5))
"""Rows that are not linked to the row they name."""
DUPLICATES = above(target=percent(0.01), warn=percent(0.1), critical=percent(1))
"""Surplus copies of one thing."""
ORPHANS = above(target=rows(0), warn=rows(0), critical=rows(10))
"""References that lead nowhere. Integrity is no rate: one dead id of ten thousand rows is a person without a team or a
match that no page can show, and proof that something deletes without looking. So the first one warns, and more than ten
are no accident, however large the table is.
"""
DEAD_IDS = above(target=percent(0.01), warn=percent(0.1), critical=percent(1))
"""Ids in the site's own tables that lead nowhere; not part of the orphan rate, which is that of the leagues' data."""
IMPORT_FAILURES = above(target=percent(5), warn=percent(10), critical=percent(25))
"""Feeds that ended badly: a success rate of 95 % is wanted."""

# --- ours
ROUTINE = above(warn=percent(1), critical=percent(5))
"""Ordinary dirt: some is there in every season, much of it is an accident."""
RARE = above(warn=percent(0.1), critical=percent(1))
"""What cannot happen unless somebody mistyped."""
PATCHY = above(warn=percent(5), critical=percent(25))
"""Details that some leagues leave out for good, such as times and courts."""
IMPOSSIBLE = above(target=rows(0), warn=rows(0), critical=rows(10))
"""What no match, player or standing can be, such as a player on both sides: a wrong link or a wrong key, which is no
rate either. The first row warns, and more than ten are no accident.
"""
NEVER = above(critical=rows(0))
"""What a sound database does not hold once."""
ANY = above(warn=rows(0))
"""Worth a look from the first one on."""
FEW = above(warn=rows(0), critical=rows(1))
"""One is worth a look, several are no accident."""
NIGHTLY = above(target=hours(26), warn=hours(26), critical=hours(50))
"""A nightly job: one night missed is a warning, two are critical."""
MATCH_PAUSE = above(warn=days(7), critical=days(30))
"""Without a match: a week is a warning, 30 days are critical."""
REJECTS = above(target=percent(0.1), warn=percent(1), critical=percent(5))
"""Feed rows that were refused."""
VALIDATION_COVERAGE = below(target=percent(100), warn=percent(99.9), critical=percent(99))
"""Share of the feeds' rows that were looked at: all of them."""
SERIES_GONE = change(drop=(percent(0.1), percent(10)))
"""Series that have rows no more, of those that had: the first one warns, however many there are."""
