"""The sections of the reports: every `Section` that a file here declares is in all of them, and nothing lists it."""
