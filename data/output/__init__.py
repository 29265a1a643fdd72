"""What a command writes: folders, their owners, and the tidy tables."""
