"""Hidden states of words, of all layers, gathered in one pass and kept in memory-mapped files."""
