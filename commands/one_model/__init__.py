"""The commands about one model and its masks."""
