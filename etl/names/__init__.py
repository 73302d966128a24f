"""Which team does a name mean? Pure: no database, no file, no clock."""

from etl.names.clubs import club_of
from etl.names.meetings import Meeting, Meetings
from etl.names.model import Alias, Link, Strategy, Suggestion, Team
from etl.names.resolver import Resolver
from etl.names.series import series_key
from etl.names.text import normalise

__all__ = [
    "Alias",
    "Link",
    "Meeting",
    "Meetings",
    "Resolver",
    "Strategy",
    "Suggestion",
    "Team",
    "club_of",
    "normalise",
    "series_key",
]
