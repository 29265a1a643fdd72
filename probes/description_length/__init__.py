"""How many bits labels take, given hidden states."""
