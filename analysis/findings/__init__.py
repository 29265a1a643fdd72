"""Rows that are computed from the rows and arrays of probes."""
