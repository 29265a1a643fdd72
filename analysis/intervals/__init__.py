"""Intervals of probe results, from resampled sentences, clusters or examples."""
