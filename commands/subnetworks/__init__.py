"""Commands about sets of masks: combining them, testing them, curves over their sizes."""
