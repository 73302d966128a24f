"""What many runs tell together: the score's course, trends, forecasts, incidents, and how well the process works.

The past is read once into frozen values (`reading`); everything after that is a function of those and of a moment.
"""
