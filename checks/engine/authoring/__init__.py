"""What a rule is made of: marks, thresholds with their units, and the errors of a wrong one."""
