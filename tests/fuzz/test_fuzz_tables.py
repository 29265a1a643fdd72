"""Damaged treebanks, texts, tables of examples and options."""

from fuzz_readers import table_readers
from fuzz_tests import damaged_files

readers, test_a_few_are_read_or_refused, test_many_are_read_or_refused = damaged_files(
    table_readers,
    ("t.conllu", "t.txt", "t.conllu.gz", "config", "tsv", "csv", "jsonl", "parquet",
     "score.jsonl", "score.csv", "option", "spans", "samples.csv", "config-none.yaml",
     "vectors"),
)  # fmt: skip
