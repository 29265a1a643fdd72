"""Whether what a head does predicts that pruning keeps it."""
