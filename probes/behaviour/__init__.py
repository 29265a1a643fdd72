"""What a masked language model does: minimal pairs, agreement, cloze tests."""
