"""How far the masks of seeds and tasks agree."""
