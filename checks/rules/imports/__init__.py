"""The domain imports: feeds come in time and whole, and what comes in is read, linked and published."""
