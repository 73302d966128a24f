"""From results to a report: scored, compared, worst first, as a document."""
