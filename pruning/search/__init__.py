"""What to prune and when to stop: structured, magnitude, lottery, learned gates."""
