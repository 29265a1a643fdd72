"""The rows of a run summarised by kind, layer and unit."""
