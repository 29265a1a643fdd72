"""Labels of words and word pairs predicted from hidden states, with control tasks."""
