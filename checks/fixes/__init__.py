"""Fixes of the catalogue's rules: functions that answer with the steps of a repair."""
