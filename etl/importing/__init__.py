"""From a feed to published rows: stage, link, plan, publish, and the ledger that tells what happened."""
