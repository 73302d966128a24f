"""Reports about many runs: the score over time, trends and forecasts, incidents, and how well the process works.

The history is read once into frozen values (`reading`); everything after that is a function of those and of a moment.
"""
