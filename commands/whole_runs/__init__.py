"""The commands about whole runs and many masks."""
