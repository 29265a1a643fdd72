"""Whether attributions are faithful to a model, and whether they agree with human rationales."""
