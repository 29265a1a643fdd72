"""Loading and saving models, and the contract between a checkpoint and a task."""
