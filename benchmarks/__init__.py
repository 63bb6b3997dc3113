"""What the paths a user feels cost, as ratios to floors measured in the same run: `python -m benchmarks`."""
