"""Many results, one answer."""
