"""Damaged files of a model folder."""

from fuzz_readers import model_readers
from fuzz_tests import damaged_files

readers, test_a_few_are_read_or_refused, test_many_are_read_or_refused = damaged_files(
    model_readers,
    ("config.json", "tokenizer.json", "tokenizer_config.json", "weights", "index", "record",
     "compact", "compact mask"),
)  # fmt: skip
