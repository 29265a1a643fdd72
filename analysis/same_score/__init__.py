"""Masks of one model at one size: whether equal scores mean equal behaviour."""
