"""The twelve usual rules as this product has them, over half a million fixtures."""

from __future__ import annotations

from checks.ready import accepted_values, between, fresh, matches, not_null, references, row_count, unique
from tests.benchmarks.peers.contenders import COURTS, DAYS, KEY, NAME, TEAMS

location_missing = not_null("schedule", "location")
time_missing = not_null("schedule", "match_time")
match_twice = unique("schedule", *KEY)
location_unknown = accepted_values("schedule", "location", COURTS)
date_out_of_range = between("schedule", "match_date", *DAYS)
team_out_of_range = between("schedule", "home_team_id", *TEAMS)
home_team_odd = matches("schedule", "home_team", NAME)
away_team_odd = matches("schedule", "away_team", NAME)
team_of_nobody = references("schedule", "home_team_id", to="teams.id")
league_of_nobody = references("schedule", "league_id", to="leagues.id")
schedule_is_old = fresh("schedule", "created_at")
rows_out_of_range = row_count("schedule")
