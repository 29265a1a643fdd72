"""Input and output: tasks, annotated sentences, file formats, and output folders."""
