"""How tightly attention is tied to what a model decides."""
