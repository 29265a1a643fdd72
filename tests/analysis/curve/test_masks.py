"""Masks of a curve: their sizes, what they contain, and their scores under gates."""

import dataclasses
from typing import Any

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
from subprobe.models.masks.subnetwork import ABLATIONS
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts


def paired_parts():
    """The toy task; the counterfactual of an example has its words in reverse order."""
    parts = toy_parts()

    def paired(one):
        words = one.texts()[0].split()
        return dataclasses.replace(one, counterfactuals=((" ".join(words[::-1]),),))

    each: dict[str, Any] = {part: tuple(map(paired, getattr(parts, part)))
            for part in ("train", "selection", "report")}  # fmt: skip
    return dataclasses.replace(parts, **each)


def loaded(name="model", seed=0):
    model = tiny_model("bert", "classification", 2, seed=seed)
    meta = {"seed_init": seed, "seed_order": seed, "model": "tiny"}
    return LoadedModel(name, model, tiny_tokenizer("wordpiece"), paired_parts(), meta=meta)


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


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_scores_are_those_of_gates(ablation):
    one = loaded()
    options = PruneOptions(ablation=ablation, match_donors="label", donor_seed=3)
    asked = Asked(shares=(0.5,), draws=2, options=options, resamples=100)
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


def test_partners_are_drawn_as_asked():
    one = loaded()
    sizes = sizes_of("heads", totals_in(one.model, "heads"), [0.5])

    def made(**drawn):
        options = PruneOptions(ablation="resample", **drawn)
        return goods_of(one, sizes, options, "nested", Silent()).make(0)

    assert made(donor_seed=1) == made(donor_seed=1)
    assert made(donor_seed=1).mask_id != made(donor_seed=2).mask_id
    assert made(match_donors="label").mask_id != made().mask_id
    # the search draws the same ones
    options = PruneOptions(ablation="resample", donor_seed=1)
    searched = goods_of(one, sizes, options, "search", Silent()).make(0)
    for name, values in made(donor_seed=1).constants.items():
        np.testing.assert_array_equal(searched.constants[name], values)


def test_every_model_has_random_masks_of_its_own():
    models = {"one": loaded("one", 1), "two": loaded("two", 2)}
    asked = Asked(units="heads", shares=(0.5,), draws=3, kinds=("random",), resamples=50)
    panel = draw_curve(list(models), models.__getitem__, asked, Silent())
    masks = curve_of(panel).masks
    random = masks[masks["kind"].eq("random") & masks["share"].eq(0.5)]
    assert random["draw"].tolist() == [0, 1, 2, 3, 4, 5]
    assert random["seed"].tolist() == [1, 1, 1, 2, 2, 2]
    sizes = panel.sizes
    for line in random.to_dict("records"):
        one = models[line["model"]]
        good = goods_of(one, sizes, asked.options, "nested", Silent()).make(0)
        assert control_of("random", good, one.model, 0, line["draw"]).mask_id == line["mask_id"]


def test_too_few_draws_are_told_before_masks_are_scored():
    said = []

    class Told(Silent):
        def say(self, text):
            said.append(text)

    for draws in (3, 19):
        said.append(draws)
        asked = Asked(units="mlps", shares=(0.5,), draws=draws, kinds=("random",), resamples=50)
        draw_curve(["model"], lambda name: loaded(), asked, Told())
    few = said[1 : said.index(19)]
    assert few[0] == "smallest p of a rank among 3 random masks is 0.25: 19 are needed"
    assert not any("needed" in str(text) for text in said[said.index(19) :])
