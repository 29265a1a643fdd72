"""Locate and hook the heads and MLPs of encoders of all supported families."""
