"""A generated season with the incident of 2025 in it, for the demo, the benchmarks and the tests."""
