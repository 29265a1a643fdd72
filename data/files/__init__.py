"""File formats: files are validated when read, and written atomically."""
