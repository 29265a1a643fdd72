"""Importance of units: its definitions, and the pass that measures it."""
