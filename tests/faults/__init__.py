"""Faults made for real, with a count that can be set: kills, lost servers, silent networks, full disks."""
