"""The finished cells of a run on disk, each with a certificate."""
