"""Masks of heads, MLPs, neurons and weights: their definition, files and gates."""
