"""Masked pieces of texts: which are chosen, what is read instead, and the unigram baseline."""
