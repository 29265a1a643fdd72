"""Sentences with their annotations, gold or silver, and the readers of treebanks."""
