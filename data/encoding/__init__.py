"""Encoding of examples as model input: subwords, batches, and alignment with words."""
