"""The diagnostic set of GLUE: entailment by linguistic category."""
