"""Output of commands: folders, ownership of files, and tidy tables."""
