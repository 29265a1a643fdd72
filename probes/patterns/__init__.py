"""Five patterns of attention maps, and a classifier of them trained on synthetic maps."""
