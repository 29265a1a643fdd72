"""What all probes share: the texts, one forward pass, and the base class."""
