"""Which heads and MLPs carry a prediction: attribution to the gates of whole units."""
