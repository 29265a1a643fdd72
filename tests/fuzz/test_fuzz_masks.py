"""Damaged masks, maps and pattern classifiers."""

from fuzz_readers import mask_readers
from fuzz_tests import damaged_files

readers, test_a_few_are_read_or_refused, test_many_are_read_or_refused = damaged_files(
    mask_readers, ("mask", "npy", "npz", "maps", "labels", "classifier"),
)  # fmt: skip
