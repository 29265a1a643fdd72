"""Whether attention explains a model's decisions."""
