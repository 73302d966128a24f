"""The domain schedule: every team plays, every match is linked, nothing stands there twice."""
