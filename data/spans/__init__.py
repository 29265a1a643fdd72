"""Labelled spans of sentences, from their annotation or from the user's own files."""
