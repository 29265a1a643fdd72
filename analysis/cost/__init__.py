"""The cost of a run: the operations of its cells, measured durations, and schedules."""
