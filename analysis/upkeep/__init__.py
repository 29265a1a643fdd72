"""A run folder looked after: cells proved, what nothing needs removed, room for the rest."""
