"""The steps of a run: each computes one cell from the outputs of other cells."""
