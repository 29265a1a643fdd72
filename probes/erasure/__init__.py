"""What a property's removal from hidden states does."""
