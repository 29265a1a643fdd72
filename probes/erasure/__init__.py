"""The effects of erasing a property from hidden states."""
