"""The Python interface: search, score, probe and compare a loaded model."""
