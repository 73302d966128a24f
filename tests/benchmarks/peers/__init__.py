"""This product beside other tools, each in a throw-away environment of its own: `make bench-peers`."""
