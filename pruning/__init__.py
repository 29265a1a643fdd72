"""From a model to its subnetworks: the good, the random and the bad."""
