"""Maintain a run folder: verify its cells, remove unneeded files, estimate disk space."""
