"""Hidden states of words from all layers, gathered in one pass and kept in memory-mapped files."""
