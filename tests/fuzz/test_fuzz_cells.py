"""Damaged certificates, records, manifests and configurations of runs."""

from cell_readers import cell_readers
from fuzz_tests import damaged_files

readers, test_a_few_are_read_or_refused, test_many_are_read_or_refused = damaged_files(
    cell_readers,
    ("certificate", "assessed", "run record", "cells of the manifest", "configuration"),
)  # fmt: skip
