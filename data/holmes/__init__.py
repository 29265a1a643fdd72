"""Data sets of Holmes (Waldis et al. 2024): what they are about, and files in their format."""
