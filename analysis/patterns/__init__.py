"""How far the pattern classifier can be trusted on a model's own maps."""
