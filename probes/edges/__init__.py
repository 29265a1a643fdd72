"""Labels of spans, predicted from a mix of hidden states."""
