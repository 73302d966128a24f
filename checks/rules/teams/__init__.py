"""The domain teams: each stands once, in a league, a series and a club, under the name that its league gives it."""
