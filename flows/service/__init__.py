"""What each command and each flow does: one function per command, which knows neither Prefect nor the command line."""
