"""Syntax trees in the geometry of hidden states: distances and depths."""
