"""Compute a run: the engines that compute its cells, and their order."""
