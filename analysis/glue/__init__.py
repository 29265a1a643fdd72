"""GLUE as a whole: the mean over its tasks, and what to know about single ones."""
