"""Figures of masks over their sizes, and beside those of the untrained encoder."""
