"""Find the good, random and bad subnetworks of a model."""
