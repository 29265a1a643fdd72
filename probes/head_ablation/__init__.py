"""What probes of hidden states lose when one head is ablated."""
