"""The information that attention moves: norms, rollout, contributions."""
