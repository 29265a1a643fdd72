"""`better` and `ablation`: what rows say of their metric and of what was removed."""

import pandas as pd
import pytest
from random_masks import random_mask
from subprobe.analysis.steps.identity import identity
from subprobe.data.errors import DataFileError
from subprobe.data.output.better import better_of
from subprobe.data.output.tables import (
    ROW_TYPES,
    SCHEMA_VERSION,
    read_rows,
    rows_frame,
    write_csv,
    write_parquet,
)
from subprobe.data.tasks.metrics import METRICS
from subprobe.probes.attention.attention_stats import METRICS as ATTENTION
from subprobe.probes.representations.identifiability import METRICS as IDENTIFIED
from subprobe.probes.syntax.tree_baselines import METRICS as TREES


def test_every_score_has_a_direction_and_a_description_has_none():
    for metric in (*METRICS, *IDENTIFIED, *TREES):
        assert better_of(metric) == "higher", metric
    for metric in ("best_head_accuracy", "best_head_uuas", "baseline_uas_no_punct"):
        assert better_of(metric) == "higher", metric
    assert better_of("convergence_delta_mean") == better_of("seconds") == "lower"
    for metric in (*ATTENTION, "kept", "attribution_share", "pattern_share", "norm_share_to_first"):
        assert better_of(metric) is None, metric


def test_rows_fill_what_is_known_and_keep_what_they_say_themselves():
    rows = rows_frame(
        [{"metric": "accuracy"}, {"metric": "my_loss", "better": "lower"},
         {"metric": "accuracy", "better": "lower"}, {"metric": "attention_to_self"}, {}]
    )  # fmt: skip
    assert rows["better"].tolist() == ["higher", "lower", "lower", pd.NA, pd.NA]
    assert set(rows["schema_version"]) == {SCHEMA_VERSION}
    columns = list(ROW_TYPES)
    assert columns[columns.index("metric") + 1] == "better"
    assert columns[columns.index("n_dropped") + 1] == "ablation"


def test_a_masked_model_says_how_it_is_ablated():
    assert identity("m", None, "finetuned")["ablation"] == ""
    assert (
        identity("m", random_mask(2, 3, 4, 0, with_neurons=False, share=0.5), "retrained")[
            "ablation"
        ]
        == "zero"
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_version_2_are_read_and_completed(tmp_path, suffix):
    rows = rows_frame(
        [{"metric": "accuracy", "value": 0.5, "mask_id": "abc", "ablation": "zero"},
         {"metric": "attention_to_self", "value": 0.1, "mask_id": ""}]
    )  # fmt: skip
    write = write_csv if suffix == "csv" else write_parquet
    path = tmp_path / f"rows.{suffix}"
    write(rows.assign(schema_version=2).drop(columns=["better", "ablation"]), path)
    found = read_rows(path)
    assert found["better"].tolist() == ["higher", pd.NA]
    assert found["ablation"].fillna("").tolist() == ["zero", ""]
    assert set(found["schema_version"]) == {SCHEMA_VERSION}
    both = pd.concat([rows, rows.assign(schema_version=2)])
    write(both, path)
    with pytest.raises(DataFileError, match="schema version 3, 2"):
        read_rows(path)
