"""Masks of heads, MLPs, neurons and weights: what they are, their files, their gates."""
