"""The operator's page: read-only, over what `quality` holds; the same pages are served and written as files."""
