"""What the command line offers; cli.py puts it together."""
