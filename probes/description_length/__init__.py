"""Code length of labels given hidden states, in bits."""
