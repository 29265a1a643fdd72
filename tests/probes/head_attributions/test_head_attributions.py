from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, IntegratedGradients, ShapleyValueSampling
from model_state import PlantedError, check_left_as_they_were, failing_at, model_state
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_texts
from subprobe.data.errors import ConfigError, InputError, UnknownNameError
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.probes.attribution.seeded import seed_example
from subprobe.probes.head_attributions.head_attributions import run_head_attributions
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe
from tiers import mostly_slow
from tiny import FAMILIES

METHODS: Any = ("integrated-gradients", "ablation", "shapley-sampling", "shapley-exact")
ITEMS: dict[int, Any] = {}
SOME = ("0.1", "1.0", "1.3", "0")


def plain(context, example):
    """Logits of one unpadded text as a function of its gates [n, L*H + L], and its inputs."""
    model, anatomy = context.model, context.anatomy
    L, H = anatomy.num_layers, anatomy.num_heads
    [one] = encode_texts(
        context.tokenizer, [example.first], [example.second] if example.second else None,
        max_length=128,
    )  # fmt: skip
    inputs = {"input_ids": torch.tensor([one.input_ids])}
    if one.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([one.token_type_ids])

    def forward(gates, *rest):
        head, mlp = gates[:, : L * H].reshape(-1, L, H), gates[:, L * H :]
        given = dict(zip(inputs, rest, strict=True))
        with Gates(model, head, mlp):
            return model(**given).logits

    return forward, torch.ones(1, L * H + L, dtype=torch.float64), tuple(inputs.values())


def values_of(result, method):
    """Attributions by example, layer and head (-1 for MLPs)."""
    # asked for once a result: making items takes longer than computing them
    if id(result) not in ITEMS:
        ITEMS[id(result)] = (result, result.items)
    items = ITEMS[id(result)][1]
    mine = items["metric"].isin(["head_attribution", "mlp_attribution"])
    table = items[mine & items["variant"].str.startswith(method)]
    table = table.assign(head=table["head"].fillna(-1))
    return table.set_index(["item_id", "layer", "head"])["score"].astype(float)


def by_unit(values, context):
    """Places of a gate vector -> value, of one example's attributions."""
    L, H = context.anatomy.num_layers, context.anatomy.num_heads
    found = np.full(L * H + L, np.nan)
    for (layer, head), value in values.items():
        found[L * H + layer if head < 0 else layer * H + head] = value
    return found


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ["bert"]))
def test_attributions_equal_captum_on_one_text_without_padding(family, pairs):
    context, examples = tiny_context(family, "classification"), random_examples(3, pairs=pairs)
    result = run_head_attributions(
        context, examples, methods=METHODS[:3], n_steps=5, n_samples=2, seed=3, batch_size=2,
        internal_batch_size=4,
    )  # fmt: skip
    for example in examples:
        forward, ones, inputs = plain(context, example)
        target = int(forward(ones, *inputs).argmax())
        shared = {
            "baselines": torch.zeros_like(ones), "target": target,
            "additional_forward_args": inputs,
        }  # fmt: skip
        expected = {
            "integrated": IntegratedGradients(forward).attribute(ones, n_steps=5, **shared),
            "ablation": FeatureAblation(forward).attribute(ones, **shared),
        }
        seed_example(3, example.id)
        expected["shapley"] = ShapleyValueSampling(forward).attribute(ones, n_samples=2, **shared)
        for method, values in expected.items():
            own = by_unit(values_of(result, method)[example.id], context)
            # of MPNet and others, attention masks of no padding change the last digits
            np.testing.assert_allclose(own, values[0].detach().numpy(), atol=1e-6)
            assert values.abs().max() > 1e-4


@pytest.fixture(scope="module")
def exact():
    """Everything at once on one context, of four units."""
    context, examples = tiny_context("bert", "classification", seed=1), random_examples(4)
    result = run_head_attributions(
        context, examples, methods=METHODS, among=SOME, interactions="shapley", n_samples=200,
        n_steps=32, internal_batch_size=512,
    )  # fmt: skip
    return context, examples, result


def worth_of(context, example, on):
    """Logits of a text with the units that are not in `SOME`, and some of those."""
    forward, gates, inputs = plain(context, example)
    H = context.anatomy.num_heads
    place = {"0.1": 1, "1.0": H, "1.3": H + 3, "0": 2 * H}
    for name in SOME:
        gates[0, place[name]] = float(name in on)
    return forward(gates, *inputs)[0].detach()


def test_exact_shapley_values_are_the_means_over_all_orders(exact):
    context, examples, result = exact
    for example in examples[:2]:
        target = int(worth_of(context, example, SOME).argmax())
        gains = dict.fromkeys(SOME, 0.0)
        orders = list(permutations(SOME))
        for order in orders:
            for count, name in enumerate(order):
                before, after = (
                    worth_of(context, example, order[:n])[target] for n in (count, count + 1)
                )
                gains[name] += float(after - before) / len(orders)
        found = values_of(result, "shapley-exact")[example.id]
        for name, gain in gains.items():
            layer, head = (*name.split("."), "-1")[:2]
            assert found[int(layer), int(head)] == pytest.approx(gain, abs=1e-9)
        assert max(map(abs, gains.values())) > 1e-3


def test_values_sum_to_the_model_less_the_model_without_units(exact):
    context, examples, result = exact
    # Captum adds up sampled values in single precision
    for method, error in zip(METHODS, (1e-6, None, 1e-5, 1e-9), strict=True):
        for example in examples:
            full, empty = (worth_of(context, example, on) for on in (SOME, ()))
            target = int(full.argmax())
            total = values_of(result, method)[example.id].sum()
            if error:
                assert total == pytest.approx(float(full[target] - empty[target]), abs=error)
    rows = result.rows.set_index("metric")
    assert rows.loc["convergence_delta_max", "value"].max() < 1e-5
    named = rows.loc["convergence_delta_max", "variant"]
    assert not named.str.startswith("ablation").any()
    assert rows.loc["logit_difference_mean", "value"].min() > 1e-3


def test_sampled_values_come_near_the_exact_ones(exact):
    _, _, result = exact
    sampled, true = (values_of(result, name) for name in ("shapley-sampling", "shapley-exact"))
    assert np.abs(sampled - true).max() < 0.1 * np.abs(true).max()
    assert list(sampled.index) == list(true.index)


def test_interactions_are_those_of_the_definition(exact):
    context, examples, result = exact
    # of the two heads of layer 1, the others of SOME on or off: sizes 0, 1, 1, 2 of 2
    weights = {0: 1 / 3, 1: 1 / 6, 2: 1 / 3}
    items = result.items
    chosen = items[
        (items["metric"] == "head_interaction")
        & (items["layer"] == 1) & (items["head"] == 0) & (items["relation"] == "1.3")
    ].set_index("item_id")["score"]  # fmt: skip
    for example in examples:
        target = int(worth_of(context, example, SOME).argmax())
        expected = 0.0
        for rest in ((), ("0",), ("0.1",), ("0", "0.1")):
            both, one, other, none = (
                worth_of(context, example, (*rest, *pair))[target]
                for pair in (("1.0", "1.3"), ("1.0",), ("1.3",), ())
            )
            expected += weights[len(rest)] * float(both - one - other + none)
        assert chosen[example.id] == pytest.approx(expected, abs=1e-9)
    row = result.rows[
        result.rows["metric"].eq("head_interaction") & result.rows["layer_b"].eq(1)
        & result.rows["layer"].eq(1)
    ].iloc[0]  # fmt: skip
    assert (row["head"], row["head_b"]) == (0, 3)
    assert row["value"] == pytest.approx(chosen.mean())
    # 3 heads play, hence 3 pairs
    assert result.rows["metric"].eq("head_interaction").sum() == 3


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_second_derivatives_equal_finite_differences(attention):
    context = tiny_context("bert", "classification", attention=attention)
    examples = random_examples(2)
    result = run_head_attributions(
        context, examples, methods=("ablation",), interactions="second-order", target="1"
    )
    items = result.items[result.items["metric"] == "head_interaction"]
    step = 1e-3
    for example in examples:
        forward, ones, inputs = plain(context, example)
        mine = items[items["item_id"] == example.id].set_index(["layer", "head", "relation"])
        for one, other in (((0, 1), (1, 2)), ((0, 0), (0, 3)), ((1, 0), (1, 1))):
            change = torch.zeros_like(ones), torch.zeros_like(ones)
            for part, (layer, head) in zip(change, (one, other), strict=True):
                part[0, 4 * layer + head] = step
            with torch.no_grad():
                up, mixed, turned, down = (
                    float(forward(ones + a * change[0] + b * change[1], *inputs)[0, 1])
                    for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
                )
            expected = (up - mixed - turned + down) / (4 * step**2)
            own = mine.loc[(*one, f"{other[0]}.{other[1]}"), "score"]
            assert own == pytest.approx(expected, abs=1e-5)
            assert abs(own) > 1e-4


def test_nothing_depends_on_batches_padding_order_or_the_random_state():
    context, examples = tiny_context("bert", "classification"), random_examples(3)
    options: Any = {
        "methods": METHODS[:3],
        "n_steps": 2,
        "n_samples": 1,
        "interactions": "second-order",
    }
    reference = run_head_attributions(context, examples, batch_size=3, **options)
    torch.manual_seed(17)
    before = torch.random.get_rng_state()
    for again in (
        run_head_attributions(context, examples, batch_size=1, internal_batch_size=1, **options),
        run_head_attributions(context, examples[::-1], batch_size=2, **options),
    ):
        for method in METHODS[:3]:
            one, other = values_of(reference, method), values_of(again, method)
            np.testing.assert_allclose(other[one.index], one, atol=1e-6)
        old, new = (
            found.rows["value"].to_numpy(float, na_value=np.nan) for found in (reference, again)
        )
        np.testing.assert_allclose(new, old, atol=1e-6)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ["bert"]))
def test_a_mask_gives_what_gates_on_the_whole_model_give(family):
    context, examples = tiny_context(family, "classification", seed=2), random_examples(3)
    heads, mlps = np.ones((2, 4), dtype=bool), np.array([False, True])
    heads[0, 1:], heads[1, 2] = False, False
    masked = replace(context, subnetwork=Subnetwork(heads, mlps))
    names = [f"{layer}.{head}" for layer, head in np.argwhere(heads)] + ["1"]
    found = run_head_attributions(masked, examples, methods=METHODS, n_steps=4, n_samples=2)
    with gated(context.model, masked.subnetwork):
        inside = run_head_attributions(
            context, examples, methods=METHODS, n_steps=4, n_samples=2, among=tuple(names)
        )
    for method in METHODS:
        own, others = values_of(found, method), values_of(inside, method)
        np.testing.assert_allclose(own, others[own.index], atol=1e-6)
        assert np.abs(own).max() > 1e-3
    whole = run_head_attributions(context, examples, methods=("ablation",))
    assert (
        np.abs(values_of(whole, "ablation")[own.index] - values_of(found, "ablation")).max() > 1e-3
    )
    dead = found.rows[found.rows["flag"].eq("dead").fillna(False)]
    assert dead["value"].isna().all()
    places = dead[["unit", "layer", "head"]].drop_duplicates().fillna(-1).to_numpy().tolist()
    expected = [["head", *map(int, place)] for place in np.argwhere(~heads)] + [["mlp", 0, -1]]
    assert sorted(places) == sorted(expected)


def test_rows_are_means_of_items_beside_what_all_alike_would_have():
    context, examples = tiny_context("bert", "classification"), random_examples(4)
    result = run_head_attributions(context, examples, n_steps=4)
    rows = result.rows[result.rows["variant"].str.startswith("integrated")]
    values = values_of(result, "integrated")
    for unit, count in (("head", 8), ("mlp", 2)):
        mine = rows[rows["unit"] == unit]
        signed = mine[mine["metric"] == f"{unit}_attribution"]
        absolute = mine[mine["metric"] == f"{unit}_attribution_absolute"]
        assert len(signed) == len(absolute) == count
        assert (mine["n"] == 4).all()
        for row in (*signed.itertuples(), *absolute.itertuples()):
            head = -1 if unit == "mlp" else row.head
            of_unit = values.xs((row.layer, head), level=("layer", "head"))
            expected = of_unit.abs() if row.metric.endswith("absolute") else of_unit
            assert row.value == pytest.approx(expected.mean())
        assert absolute["baseline_value"].nunique() == 1
        assert absolute["baseline_value"].iloc[0] == pytest.approx(absolute["value"].mean())


def test_gold_and_numbered_classes_are_the_targets():
    context, examples = tiny_context("bert", "classification"), random_examples(4)
    by_target = {
        target: values_of(run_head_attributions(context, examples, methods=("ablation",),
                                                target=target), "ablation")
        for target in ("gold", "0", "1")
    }  # fmt: skip
    for example in examples:
        own = by_target["gold"][example.id]
        assert (own == by_target[str(example.label)][example.id]).all()
        assert (own != by_target[str(1 - example.label)][example.id]).any()


def test_shapley_values_are_of_the_first_examples_alone():
    context, examples = tiny_context("bert", "classification"), random_examples(6)
    result = run_head_attributions(
        context, examples, methods=("ablation", "shapley-sampling"), n_samples=1,
        sampled_examples=2,
    )  # fmt: skip
    assert set(values_of(result, "shapley").index.get_level_values(0)) == {"e0", "e1"}
    n = result.rows.groupby(result.rows["variant"].str.split(";").str[0])["n"].unique()
    assert n["ablation"].tolist() == [6]
    assert n["shapley-sampling"].tolist() == [2]


def test_no_text_is_read_more_often_than_the_methods_need(monkeypatch):
    context, examples = tiny_context("bert", "classification"), random_examples(4)
    texts, run = [], type(context.model).forward

    def forward(self, *args, **kwargs):
        texts.append(len(kwargs["input_ids"]))
        return run(self, *args, **kwargs)

    monkeypatch.setattr(type(context.model), "forward", forward)
    U = 10

    def passes(method, **options):
        texts.clear()
        run_head_attributions(context, examples, methods=(method,), batch_size=4, **options)
        return sum(texts) / len(examples) - 2  # with all units, and with none

    assert passes("integrated-gradients", n_steps=5, internal_batch_size=8) == 5
    assert max(texts) <= 8
    assert passes("ablation") <= U + 1
    # the last unit to join needs no pass, but Captum takes it
    assert passes("shapley-sampling", n_samples=2) <= 2 * U + 2
    assert passes("shapley-exact") == 2**U


def test_the_model_is_left_as_it_was_after_success_and_failure():
    context = with_dead_heads(tiny_context("bert", "classification"), [(0, 0)])
    model, examples = context.model, random_examples(2)
    next(model.parameters()).requires_grad_(False)
    options: Any = {
        "methods": METHODS, "n_steps": 2, "n_samples": 1, "interactions": "second-order",
        "units": "heads",
    }  # fmt: skip
    check_left_as_they_were(model, lambda: run_head_attributions(context, examples, **options))
    # the whole model: under a mask a smaller copy runs, where no fault is planted
    context = tiny_context("bert", "classification")
    model = context.model
    before = model_state(model)
    for late in (1, 3, 9):
        fault = failing_at(model, late.__eq__)
        with fault, pytest.raises(PlantedError):
            run_head_attributions(context, examples, **options)
        assert model_state(model) == before


@pytest.mark.parametrize(
    "family", mostly_slow(["bert", "roberta", "distilbert", "modernbert"], ["bert", "modernbert"])
)
def test_sdpa_and_eager_give_the_same(family):
    examples, found = random_examples(3), []
    for attention in ("sdpa", "eager"):
        context = tiny_context(family, "classification", attention=attention, double=False)
        found.append(
            run_head_attributions(context, examples, methods=METHODS, n_steps=4, n_samples=1)
        )
    for method in METHODS:
        fused, plainly = (values_of(one, method) for one in found)
        np.testing.assert_allclose(fused, plainly, atol=1e-5)


def test_bad_input_is_refused():
    examples = random_examples(2)
    context = tiny_context("bert", "classification")
    pair = TaskSpec("mrpc", ("no", "yes"), "accuracy", ("accuracy",), pair=True)
    with pytest.raises(InputError, match="pair model is given single sentences"):
        run_head_attributions(replace(context, spec=pair), examples)
    single = replace(pair, name="cola", pair=False)
    with pytest.raises(InputError, match="model of single sentences is given pairs"):
        run_head_attributions(replace(context, spec=single), random_examples(2, pairs=True))
    long = [replace(one, first=replace(one.first, words=("antimanuscripts", *one.first.words[1:])))
            for one in examples]  # fmt: skip
    with pytest.raises(InputError, match="truncation left no whole word"):
        run_head_attributions(replace(context, max_length=3), long)
    with pytest.raises(InputError, match="task head"):
        run_head_attributions(tiny_context("bert"), examples)
    with pytest.raises(InputError, match="regression head"):
        run_head_attributions(tiny_context("bert", "classification", num_labels=1), examples)
    with pytest.raises(InputError, match="no examples"):
        run_head_attributions(context, [])
    with pytest.raises(ConfigError, match="there is no class 3") as error:
        run_head_attributions(context, examples, target="3")
    assert error.value.remedy == "the classes of this model are 0 to 1"
    with pytest.raises(InputError, match="gold class, which example 'e1' does not have"):
        run_head_attributions(context, [examples[0], replace(examples[1], label=None)],
                              target="gold")  # fmt: skip
    for name in ("2.0", "0.4", "2", "first", "-1", "0.1.1", ""):
        with pytest.raises(ConfigError, match="unknown unit") as error:
            run_head_attributions(context, examples, among=(name,))
        assert "0.0 to 1.3" in error.value.remedy
    dead = with_dead_heads(context, [(0, 0)])
    with pytest.raises(InputError, match="the mask removes all of the selected units"):
        run_head_attributions(dead, examples, among=("0.0",))
    with pytest.raises(InputError, match="no unit is selected"):
        run_head_attributions(context, examples, units="mlps", among=("0.0",))
    with pytest.raises(ConfigError, match="an interaction needs two heads"):
        run_head_attributions(context, examples, among=("0.0",), interactions="shapley")


def test_more_units_than_subsets_can_be_counted_of_are_refused():
    context = tiny_context("bert", "classification", layers=3)
    for options, way in (
        ({"methods": ("shapley-exact",)}, "shapley-sampling"),
        ({"interactions": "shapley"}, "second-order"),
    ):
        with pytest.raises(ConfigError, match="limited to 10 units, got 15") as error:
            run_head_attributions(context, random_examples(1), **options)
        assert way in error.value.remedy
    few = run_head_attributions(
        context, random_examples(1), methods=("shapley-exact",), units="mlps"
    )
    assert few.notes["head-attributions_n_units"] == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"methods": "deep-lift"}, "shapley-exact"),
        ({"methods": ["ablation", "ablation"]}, "contains duplicates"),
        ({"methods": []}, "at least 1"),
        ({"target": "first"}, "predicted, gold, or the number of a class"),
        ({"target": -1}, "predicted, gold, or the number of a class"),
        ({"target": True}, "valid string"),
        ({"n_steps": 1}, "must be >= 2"),
        ({"n_samples": 0}, "must be >= 1"),
        ({"interactions": "all"}, "second-order"),
        ({"keep": [0.5, 1.0]}, "each share must be > 0 and < 1"),
        ({"keep": [0.5, 0.5]}, "contains duplicates"),
        ({"draws": 0}, "must be >= 1"),
    ],
)
def test_options_of_other_kinds_are_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        typed_options(find_probe("head-attributions"), given)


def test_a_class_may_be_named_by_its_number():
    typed = typed_options(find_probe("head-attributions"), {"target": 1, "methods": "ablation"})
    chosen = typed.model_dump()
    assert (chosen["target"], chosen["methods"]) == ("1", ("ablation",))
    with pytest.raises(UnknownNameError):
        typed_options(find_probe("head-attributions"), {"steps": 3})
