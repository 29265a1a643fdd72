"""What replaces the output of a pruned unit: how the arrays of an ablation are made and used."""
