"""The computations of single cells, the same in a run and in a single command."""
