"""Fine-tuning and evaluation of the full model or under a mask."""
