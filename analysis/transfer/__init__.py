"""Masks of one task on the models of another: computed, compared, and set out as a matrix."""
