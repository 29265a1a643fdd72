"""Where the heads and MLPs of an encoder sit, whatever its family."""
