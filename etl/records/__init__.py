"""Feed rows become records, or rejects that say why not."""

from etl.records.layout import Drift
from etl.records.model import Fixture, Match, Player, Record, Reject, Standing
from etl.records.validate import Batch, validate, validate_together

__all__ = [
    "Batch",
    "Drift",
    "Fixture",
    "Match",
    "Player",
    "Record",
    "Reject",
    "Standing",
    "validate",
    "validate_together",
]
