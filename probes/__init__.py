"""What one model knows; how its mask was made is no concern of a probe."""
