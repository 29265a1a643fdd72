"""What one cell computes, the same in a run and in a single command."""
