"""The finished cells of a run on the disk, each with what proves it."""
