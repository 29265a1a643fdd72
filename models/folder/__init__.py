"""Read the files of a model folder, and check them before a model is built."""
