"""Load and save models, and match checkpoints with tasks."""
