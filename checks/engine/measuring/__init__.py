"""From rules to readings: queries, scans, sessions on one snapshot, and what a failure of them means."""
