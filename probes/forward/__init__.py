"""What all probes share: texts, one forward pass and the base class."""
