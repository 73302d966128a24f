"""The parts of `etl.extract`: window over the file, guarded decoder, scan for where a broken row ends."""
