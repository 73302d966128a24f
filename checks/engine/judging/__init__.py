"""From readings to results: verdicts, bad rows, where they cluster, and what is new, known or fixed."""
