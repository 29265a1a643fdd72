"""The content of hidden states."""
