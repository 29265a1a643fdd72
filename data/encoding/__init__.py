"""From examples to what a model reads: subwords, batches, and which word each belongs to."""
