"""How many forward passes ranking units and scoring the masks of a curve take."""
