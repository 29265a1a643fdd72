"""What hidden states hold."""
