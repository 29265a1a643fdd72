"""Rankings of heads and MLPs by attribution and by importance, compared."""
