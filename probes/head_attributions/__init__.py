"""Which heads and MLPs a prediction depends on: attribution to the gates of units."""
