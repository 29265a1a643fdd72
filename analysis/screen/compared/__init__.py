"""What comparisons print on the terminal."""
