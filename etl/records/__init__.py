"""Feed rows become records, or rejects that say why not."""

from etl.records.layout import Drift
from etl.records.model import Fixture, Match, Player, Record, Reject, Standing
from etl.records.validate import validate

__all__ = ["Drift", "Fixture", "Match", "Player", "Record", "Reject", "Standing", "validate"]
