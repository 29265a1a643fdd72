"""Multiple-choice questions as models read them, and the heuristics that answer some of them."""
