"""What a run is going to compute: its cells, what they read, and their identities."""
