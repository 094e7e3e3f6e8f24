"""Benchmarks: what the project says of itself, measured by one command each."""
