"""The loss of probes of hidden states when one head is ablated."""
