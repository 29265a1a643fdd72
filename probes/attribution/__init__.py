"""Which words a prediction depends on."""
