"""What the standards say that no rule can: how the document is read, and who does what when."""

from __future__ import annotations

HEAD = """\
# Data quality standards

Written by `rally-health rules docs` from the rules; edit those, not this. A test fails when this file is stale.

*Severity* says how much a rule matters, *status* how it stands. A reading on a limit is still within it. CRITICAL
means that people are told at once, WARN that it can wait for the morning; the *target* is what good data reaches.
What could not be measured is an ERROR, never a pass. BYE rows and practice times are no matches, and never dirt.
"""

PROCESS = """\
## Process

| when | what | who answers |
|---|---|---|
| every import | the gate: an import that makes rules tagged `gate` worse is not published | imports |
| hourly | rules tagged `hourly`: do the imports run | imports |
| daily, 06:00 | rules tagged `hourly` and `daily`; CRITICAL by SMS, the rest by e-mail | the owner of the rule |
| weekly, Monday 08:00 | all rules; each WARN is repaired, or accepted with a reason and an end date | all owners |
| monthly, on the 1st | acceptances that end, thresholds that never or always fire, the score's course | the operator |

* A finding is repaired at its source first: the next import brings the feed's version back.
* An accepted finding has an owner, a reason and an end date. It stays in the gross score.
* A new rule starts as LOW or MEDIUM; it becomes HIGH, or part of the gate, when a month of runs had no false finding.
* A threshold is changed in `checks/rules/thresholds.py`, with the reason beside it, and this file is written again.
"""
