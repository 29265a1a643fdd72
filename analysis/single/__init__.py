"""The work of one command on one model."""
