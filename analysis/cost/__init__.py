"""What a run costs: the work of its cells, what they took where they were measured, schedules."""
