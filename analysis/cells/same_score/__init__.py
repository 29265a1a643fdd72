"""The steps of masks of equal score: masks, their scores and core, and the tables."""
