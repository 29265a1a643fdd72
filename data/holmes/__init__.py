"""Data sets of Holmes (Waldis et al. 2024): their subjects, and files in their format."""
