"""`better` and `ablation`: what rows say of their metric and of what was removed."""

from fnmatch import fnmatchcase

import pandas as pd
import pytest
from random_masks import random_mask
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.steps.finishing import finished
from subprobe.analysis.steps.identity import identity
from subprobe.data.errors import DataFileError
from subprobe.data.output.better import OF_VERSION_2, better_of
from subprobe.data.output.tables import (
    ROW_TYPES,
    SCHEMA_VERSION,
    items_frame,
    read_rows,
    rows_frame,
    write_csv,
    write_parquet,
)
from subprobe.data.tasks.metrics import METRICS
from subprobe.probes.attention.attention_stats import METRICS as ATTENTION
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.registry import PROBES, find_probe
from subprobe.probes.representations.identifiability import METRICS as IDENTIFIED
from subprobe.probes.syntax.tree_baselines import METRICS as TREES


def test_every_score_has_a_direction_and_a_description_has_none():
    for metric in METRICS:
        assert better_of(metric) == "higher", metric
    assert better_of("seconds") == "lower"
    directed: dict[str, tuple[str, ...]] = {
        "token-identifiability": IDENTIFIED,
        "attention-trees": (*TREES, "best_head_uuas", "baseline_uas_no_punct"),
        "dependency-heads": ("dependency_accuracy", "best_head_accuracy", "offset_accuracy"),
    }
    for probe, metrics in directed.items():
        for metric in metrics:
            assert find_probe(probe).better_of(metric) == OF_VERSION_2[metric] == "higher", metric
    delta = "convergence_delta_mean"
    assert find_probe("attributions").better_of(delta) == OF_VERSION_2[delta] == "lower"
    for probe, metrics in {
        "attention-stats": ATTENTION, "attributions": ("attribution_share",),
        "attention-patterns": ("pattern_share",), "norms": ("norm_share_to_first",),
    }.items():  # fmt: skip
        for metric in metrics:
            assert find_probe(probe).better_of(metric) is None, metric
            assert metric not in OF_VERSION_2


JUDGED = ("*accuracy", "*f1", "*uas", "*uuas", "*_sd", "*delta*", "*selectivity", "codelength",
          "compression", "*dspr", "*nspr", "*information", "*kappa*", "*unconverged*",
          "*abstention*", "*_gain")  # fmt: skip
"""What tells good from bad by its name; a share of attention or a rank describes."""


def test_every_number_of_a_probe_that_judges_says_which_way():
    directed = 0
    for probe in PROBES.values():
        for row in probe.rows:
            if any(fnmatchcase(row.metric, judged) for judged in JUDGED):
                assert row.better in ("higher", "lower"), f"{probe.name}: {row.metric}"
                directed += 1
    assert directed > 30
    assert find_probe("edges").better_of("mix_micro_f1_seed_sd") == "lower"
    assert find_probe("tokens").better_of("accuracy_seed_sd") == "lower"
    assert find_probe("amnesic").better_of("accuracy_erased") == "lower"
    assert find_probe("attributions").better_of("net_attribution_by_upos") is None


def test_the_rows_of_a_probe_have_the_direction_that_its_entry_says():
    rows = rows_frame([{"metric": "uas"}, {"metric": "uas", "better": "lower"}, {"metric": "x"}])
    result = ProbeResult("attention-trees", rows, lambda: items_frame([]))
    assert finished(result, ProbeOptions())["better"].tolist() == ["higher", "lower", pd.NA]


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
         {"metric": "best_head_uuas", "better": "higher"},
         {"metric": "attention_to_self", "value": 0.1, "mask_id": ""}]
    )  # fmt: skip
    write = write_csv if suffix == "csv" else write_parquet
    path = tmp_path / f"rows.{suffix}"
    write(rows.assign(schema_version=2).drop(columns=["better", "ablation"]), path)
    found = read_rows(path)
    assert found["better"].tolist() == ["higher", "higher", pd.NA]
    assert found["ablation"].fillna("").tolist() == ["zero", "", ""]
    assert set(found["schema_version"]) == {SCHEMA_VERSION}
    both = pd.concat([rows, rows.assign(schema_version=2)])
    write(both, path)
    with pytest.raises(DataFileError, match="schema version 3, 2"):
        read_rows(path)
