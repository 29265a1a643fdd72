"""Whether attributions say what a prediction rests on, and whether people would say the same."""
