"""Rows computed from the rows and arrays of probes."""
