"""Five patterns that attention maps have, and a classifier of them trained on synthetic maps."""
