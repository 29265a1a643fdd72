"""Sentences with gold or silver annotations, and readers of treebanks and text files."""
