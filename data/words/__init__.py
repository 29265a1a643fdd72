"""Synonyms and antonyms of WordNet, neighbours in word vectors, parts of speech in context."""
