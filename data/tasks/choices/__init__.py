"""Multiple choice: questions about a context, with K options of which one is right."""
