"""The plan of a run: its cells, their inputs, and their identities."""
