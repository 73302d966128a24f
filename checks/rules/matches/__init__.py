"""The domain matches: results that can be true, of people who played, for fixtures that took place."""
