"""Second test sets of a task: HANS, generated pairs of its structure, and files of the user's."""
