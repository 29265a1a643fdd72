"""A run: its cells, and the order in which they are computed."""
