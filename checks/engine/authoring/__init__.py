"""What a rule is made of: marks, thresholds with their units, and the errors of a wrong one.

What can go wrong in checks, as one tree. Every error is built from its message alone, so it pickles.

CheckError
├── CheckDefinitionError   a rule, fixture or threshold that is written wrongly
│   ├── UnknownColumnError    a column that a table does not have
│   └── DuplicateCheckError   two rules of one name
├── CollectError           a package, folder or file of rules that cannot be read
├── SelectionError         a selection that names nothing
├── MeasureError           one rule that could not be measured; becomes its result's ERROR
│   └── DeadlineError      Python code of a rule that did not return in time
├── WaiverError            a waiver that cannot be kept
└── AcceptanceError        a lasting change that cannot be accepted
"""

from __future__ import annotations


class CheckError(Exception):
    """Base of every error that checks raises on purpose; `transient` says whether another try can help."""

    transient = False


class CheckDefinitionError(CheckError):
    """A rule, fixture or threshold is written wrongly; the message names what would have been right."""


class UnknownColumnError(CheckDefinitionError):
    """A rule asks for a column that its table does not have; the message names the nearest."""


class DuplicateCheckError(CheckDefinitionError):
    """Two rules or two fixtures have the same name; the message names both places."""


class CollectError(CheckError):
    """A package, folder or file that should hold rules cannot be read."""


class SelectionError(CheckError):
    """A selection names something that no rule has; the message lists what there is."""


class MeasureError(CheckError):
    """One rule could not be measured."""


class DeadlineError(MeasureError):
    """Python code of a rule did not return in time."""


class WaiverError(CheckError):
    """A waiver that cannot be kept, such as one without an end or for an unknown rule."""


class AcceptanceError(CheckError):
    """There is no lasting change of a rule that could be accepted; the message says what there is."""
