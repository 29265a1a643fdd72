"""Models and runs compared on the same examples."""
