"""What attention carries: norms, rollout, contributions."""
