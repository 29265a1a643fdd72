"""Figures of heads and MLPs: masks, maps and values by layer and head."""
