"""The parts of `etl.reading.extract`: window over the file, guarded decoder, scan for where a broken row ends."""
