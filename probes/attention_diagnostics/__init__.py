"""How closely attention is tied to a model's decisions."""
