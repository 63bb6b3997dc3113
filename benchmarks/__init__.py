"""Costs of the paths that a user feels, as ratios to floors measured in the same run: `python -m benchmarks`."""
