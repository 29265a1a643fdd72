"""Searches for subnetworks: structured, magnitude, lottery."""
