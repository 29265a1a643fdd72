"""The commands of the command line, which cli.py registers."""
