"""The domain players: each person once per team, complete, and where they belong. Keys are ids, never names."""
