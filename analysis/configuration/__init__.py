"""The options of a run and of a single step, checked."""
