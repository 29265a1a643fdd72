"""Labelled spans of sentences: read off their annotation, or from the user's own files."""
