"""Labels of words, and of pairs of words, read from hidden states, beside control tasks."""
