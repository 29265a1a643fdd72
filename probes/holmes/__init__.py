"""The protocol of Holmes (Waldis et al. 2024): linear probes of the last state, data set by set."""
