"""Ratios against limits, measured in one run: `python -m benchmarks`."""
