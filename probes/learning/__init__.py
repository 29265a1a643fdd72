"""What all trained probes share: training texts, stacked read-outs, and their training."""
