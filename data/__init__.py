"""What models read: tasks, annotated sentences, files, and what is written."""
