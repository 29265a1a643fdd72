"""Intervals of what probes found: sentences, clusters or examples are drawn again."""
