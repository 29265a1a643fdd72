"""Labels of spans, read from a mix of hidden states."""
