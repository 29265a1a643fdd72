"""What a classifier does on a second test set: syntactic heuristics, and sets of the user's."""
