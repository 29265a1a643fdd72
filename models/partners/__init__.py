"""Other inputs whose activations replace those of pruned units: which, and what they are."""
