"""Multiple choice: accuracy by type of question, and the heuristics that answer some of them."""
