"""What a person calls from Python: one loaded model searched, scored, probed and compared."""
