"""Test suites of sentences: minimal pairs and other items that a language model is scored on."""
