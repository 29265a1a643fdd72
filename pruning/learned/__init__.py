"""Masks learned by gradient: gates under a penalty or towards a size, for a task or a property."""
