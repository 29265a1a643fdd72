"""Whether attention says why a model decides as it does."""
