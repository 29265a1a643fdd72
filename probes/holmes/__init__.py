"""The protocol of Holmes (Waldis et al. 2024): linear probes of the last hidden state."""
