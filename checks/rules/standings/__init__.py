"""The domain standings: figures that agree with each other, with the matches, and with the teams."""
