"""Masks of a curve: their sizes, what they contain, and their scores under gates."""

import numpy as np
import pytest
import torch
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.curve.draw import Asked, draw_curve
from subprobe.analysis.curve.masks import control_of, goods_of, totals_in
from subprobe.analysis.curve.measure import curve_of
from subprobe.analysis.curve.sizes import sizes_of
from subprobe.analysis.single.loaded import LoadedModel
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from subprobe.models.masks.gates import gated
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts


def loaded(name="model", seed=0):
    model = tiny_model("bert", "classification", 2, seed=seed)
    meta = {"seed_init": seed, "model": "tiny"}
    return LoadedModel(name, model, tiny_tokenizer("wordpiece"), toy_parts(), meta=meta)


def of_units(mask, units):
    """The kept units of the curve's types, as one vector."""
    if units == "weights":
        return np.concatenate([one.ravel() for one in mask.weight_masks.values()])
    if units == "neurons":
        return mask.neuron_mask.ravel()
    arrays = {"heads": mask.head_mask.ravel(), "mlps": mask.mlp_mask}
    names = ("heads", "mlps") if units == "joint" else (units,)
    return np.concatenate([arrays[name] for name in names])


@pytest.mark.parametrize("units", ["joint", "heads", "mlps", "neurons", "weights"])
def test_nested_masks_have_their_size_and_contain_each_other(units):
    one = loaded()
    sizes = sizes_of(units, totals_in(one.model, units), [0.5, 0.75])
    goods = goods_of(one, sizes, PruneOptions(), "nested", Silent())
    before = np.zeros_like(of_units(goods.make(0), units))
    for place, counts in enumerate(sizes.counts):
        mask = goods.make(place)
        counted = mask.counts()
        assert all(counted[name][0] == kept for name, kept in counts.items())
        now = of_units(mask, units)
        assert not (before & ~now).any()
        before = now
        # all other units are kept
        if units not in ("joint", "heads"):
            assert mask.head_mask.all()
        for kind in ("random", "bad"):
            control = control_of(kind, mask, one.model, 3, 1)
            assert of_units(control, units).sum() == now.sum()
            assert control.kind == kind
    assert before.all()
    assert not of_units(goods.empty, units).any()
    assert sizes.shares[-1] == 1


def test_the_most_important_units_are_kept():
    from subprobe.pruning.importance.scoring import importance_pass

    one = loaded()
    sizes = sizes_of("heads", totals_in(one.model, "heads"), [0.25])
    mask = goods_of(one, sizes, PruneOptions(normalise="none"), "nested", Silent()).make(0)
    from subprobe.data.masking.masked_batches import task_batches

    batches = task_batches(one.tokenizer, one.parts.selection, one.parts.spec, batch_size=8,
                           max_length=64)  # fmt: skip
    scores = importance_pass(
        one.model, batches, np.ones_like(mask.head_mask), np.ones_like(mask.mlp_mask),
        normalise="none",
    ).head  # fmt: skip
    assert scores[mask.head_mask].min() > scores[~mask.head_mask].max()


@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_scores_are_those_of_gates(ablation):
    one = loaded()
    asked = Asked(shares=(0.5,), draws=2, options=PruneOptions(ablation=ablation), resamples=100)
    panel = draw_curve(["model"], lambda name: one, asked, Silent())
    scored = panel.scored[0]
    assert scored.ablation == ablation
    sizes = panel.sizes
    goods = goods_of(one, sizes, asked.options, "nested", Silent())
    good = goods.make(0)
    examples = one.parts.report
    for kind, draw in (("good", 0), ("random", 0), ("random", 1), ("bad", 1)):
        mask = good if kind == "good" else control_of(kind, good, one.model, 0, draw)
        assert mask.ablation == ablation
        right = []
        with gated(one.model, mask), torch.no_grad():
            for example in examples:
                inputs = one.tokenizer(*example.texts(), return_tensors="pt")
                right.append(int(one.model(**inputs).logits.argmax()) == example.label)
        assert scored.values(kind)[0, draw] == pytest.approx(np.mean(right))
    # the empty model, and the full one at the end of every curve
    with gated(one.model, goods.empty), torch.no_grad():
        answers = [
            int(one.model(**one.tokenizer(*e.texts(), return_tensors="pt")).logits.argmax())
            for e in examples
        ]
    assert scored.empty.tolist() == answers
    for kind in scored.answers:
        assert (scored.answers[kind][:, -1, :] == scored.full[:, None]).all()
    assert set(curve_of(panel).points["ablation"]) == {ablation}


def test_models_of_other_shapes_are_refused():
    one, other = loaded("one"), loaded("other")
    other = LoadedModel("other", tiny_model("bert", "classification", 2, layers=3),
                        other.tokenizer, other.parts)  # fmt: skip
    models = {"one": one, "other": other}
    asked = Asked(shares=(0.5,), draws=1, kinds=("random",))
    with pytest.raises(ConfigError, match="other has a different number of units"):
        draw_curve(["one", "other"], models.__getitem__, asked, Silent())


def test_weights_have_one_ablation():
    asked = Asked(units="weights", options=PruneOptions(ablation="mean"))
    with pytest.raises(ConfigError, match="single weights have no output"):
        draw_curve(["model"], lambda name: loaded(), asked, Silent())
