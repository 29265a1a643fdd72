"""Searches for subnetworks: structured, magnitude, lottery, learned gates."""
