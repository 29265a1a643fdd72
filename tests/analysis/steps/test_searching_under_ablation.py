"""The search under an ablation: its candidates are scored as the mask will be."""

import numpy as np
import pytest
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.steps.identity import identity
from subprobe.analysis.steps.selection import find_good
from subprobe.data.errors import ConfigError
from subprobe.models.ablation.constants import with_ablation
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.training.evaluate import evaluate
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts


def found_under(ablation, model, tokenizer):
    said = []
    good = find_good(
        model,
        tokenizer,
        toy_parts(),
        PruneOptions(keep=0.5, batch_size=8, ablation=ablation),
        max_length=32,
        seeds=(1, 1),
        method="structured",
        say=said.append,
    )
    return good, said


@pytest.mark.parametrize("ablation", ["zero", "mean", "mean-by-position", "learned"])
def test_the_mask_and_the_metric_of_the_search_are_those_of_the_ablation(ablation):
    model, tokenizer = tiny_model("bert", "classification"), tiny_tokenizer("wordpiece")
    good, said = found_under(ablation, model, tokenizer)
    assert good.ablation == ablation
    assert good.constants_of == ("" if ablation == "zero" else weights_fingerprint(model))
    assert good.sparsity() > 0.4
    assert identity("m", good, "pruned")["ablation"] == ablation
    if ablation == "learned":
        assert "with learnt constants" in said[-1]
        return
    parts = toy_parts()
    scored = evaluate(model, tokenizer, parts.selection, parts.spec, subnetwork=good, max_length=32)
    accepted = [one["metric"] for one in good.history if one["accepted"]]
    assert scored.metrics["accuracy"] == accepted[-1]
    again = with_ablation(good, ablation, model, tokenizer, parts, batch_size=8, max_length=32)
    assert again == good


def test_importance_under_the_mean_is_not_that_under_zero():
    model, tokenizer = tiny_model("bert", "classification"), tiny_tokenizer("wordpiece")
    masks = [found_under(name, model, tokenizer)[0] for name in ("zero", "mean")]
    assert not all(
        np.array_equal(*(getattr(mask, name) for mask in masks))
        for name in ("head_mask", "mlp_mask")
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prune": {"ablation": "mean", "methods": ["structured", "imp"]}}, "imp prunes single"),
        ({"prune": {"ablation": "mean", "methods": ["magnitude"]}}, "magnitude prunes single"),
        ({"prune": {"ablation": "mean"}, "retrain": {"route": "compact"}}, "route masked"),
        ({"prune": {"ablation": "half"}}, "prune.ablation"),
    ],
)
def test_what_an_ablation_excludes_is_refused_before_anything_runs(options, said):
    with pytest.raises(ConfigError, match=said) as caught:
        parse_config(options, where="here")
    assert "\n" not in str(caught.value)


def test_a_search_for_zeros_is_described_as_before():
    assert "ablation" not in PruneOptions().of_search("structured")
    assert PruneOptions(ablation="mean").of_search("structured")["ablation"] == "mean"
