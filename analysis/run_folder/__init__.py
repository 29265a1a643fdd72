"""What a run wrote: read back, described, exported."""
