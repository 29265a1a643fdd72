"""Files of every kind, read without trust and written whole."""
