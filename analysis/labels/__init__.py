"""What a classifier says of each class: precision, recall and F1 by label."""
