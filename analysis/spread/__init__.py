"""How much results vary over seeds, and the expected best of several trainings."""
