"""The training data of probes, and how trained probes are run."""
