"""Names of forms of gates and of what they minimise, without torch."""

FORMS = ("hard-concrete", "continuous-sparsification")
"""Methods whose masks are learned towards a size."""

GATE_CRITERIA = ("kl", "loss")
"""What gates minimise: the divergence from the full model, or the loss of the task."""

UNITS_TO_SIZE = ("heads-mlps", "heads", "mlps", "neurons", "heads-neurons", "weights")
"""Units that gates may be learned for towards a size."""
