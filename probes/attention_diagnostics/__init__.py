"""How tightly attention is tied to a model's decisions."""
