"""What probes that learn share: texts to learn from, stacked read-outs, and their training."""
