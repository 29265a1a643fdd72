"""Adversarial attacks: words are replaced by synonyms until the model changes its prediction."""
