"""What probes learn from, and how those that learn are run."""
