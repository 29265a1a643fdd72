"""Fine-tuning and evaluation, whole or under a mask."""
