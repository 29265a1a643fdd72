"""What the columns of tables mean that single commands write."""
