"""Tools of those who write rules: all bad rows, a trial on rows of one's own, and suggestions from the data."""
