"""Damaged files of a run folder."""

from fuzz_readers import run_readers
from fuzz_tests import damaged_files

readers, test_a_few_are_read_or_refused, test_many_are_read_or_refused = damaged_files(
    run_readers, ("manifest", "rows", "cell", "items", "words"),
)  # fmt: skip
