"""What replaces the output of a pruned unit: the activations of a full model, collected."""
