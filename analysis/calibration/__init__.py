"""Whether a model's probabilities are as reliable as they claim: errors, curves, differences."""
