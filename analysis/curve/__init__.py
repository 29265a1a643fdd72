"""Scores of subnetworks over their sizes, the areas under these curves, and effective sizes."""
