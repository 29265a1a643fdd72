"""The classifiers of a whole model, read on its subnetworks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.states.cache import StateCache

OPTIONS = {"epochs": 2, "seeds": 2, "tasks": ("upos", "arc-label"), "hidden": (0, 3)}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    learnt = random_examples(30, seed=1)
    states = StateCache(tmp_path_factory.mktemp("states"))
    learning = Learning(tuple(learnt[:20]), tuple(learnt[20:]), "given", states)
    context = tiny_context("bert", double=False)
    return context, learning, found(context, learning)


def found(context, learning, **options):
    (result,) = run_named_probes(
        context, random_examples(8), ["tokens"], options={"tokens": {**OPTIONS, **options}},
        learning=learning,
    )  # fmt: skip
    return result


@pytest.fixture(scope="module")
def masked(ground):
    context, learning, whole = ground
    heads = with_dead_heads(context, [(0, 0), (0, 1), (1, 0)])
    return heads, found(heads, replace(learning, whole=whole.arrays))


def of(result, variant, relation="upos", metric="accuracy"):
    rows = result.rows
    rows = rows[(rows["variant"] == variant) & (rows["relation"] == relation)]
    return rows[rows["metric"] == metric].sort_values("layer")["value"].to_numpy(float)


def test_a_whole_model_has_its_own_alone_and_gives_its_classifiers(ground):
    _, _, whole = ground
    assert set(whole.rows["variant"]) == {"own", "own;hidden=3"}
    # [states, seeds, inputs, classes]
    assert whole.arrays["tokens_upos_0"].shape == (3, 2, 32, 5)
    assert whole.arrays["tokens_arc-label_0"].shape == (3, 2, 96, 6)
    assert [whole.arrays[f"tokens_upos;hidden=3_{one}"].shape[2:] for one in range(4)] == [
        (32, 3), (3,), (3, 5), (5,),
    ]  # fmt: skip


def test_a_mask_that_keeps_all_transfers_what_is_its_own(ground):
    context, learning, whole = ground
    all_heads = replace(context, subnetwork=full_subnetwork(context.anatomy))
    result = found(all_heads, replace(learning, whole=whole.arrays))
    assert result.arrays == {}
    for variant in ("", ";hidden=3"):
        for relation in ("upos", "arc-label"):
            for metric in ("accuracy", "macro_f1", "accuracy_gain", "accuracy_seed_sd"):
                own = of(result, f"own{variant}", relation, metric)
                moved = of(result, f"transferred{variant}", relation, metric)
                assert len(own) >= 2
                np.testing.assert_array_equal(moved, own)
                np.testing.assert_array_equal(own, of(whole, f"own{variant}", relation, metric))


def test_the_whole_models_classifiers_are_read_on_the_states_of_the_mask(ground, masked):
    _, learning, whole = ground
    heads, result = masked
    states = learning.states.of(heads, random_examples(8))
    items = result.items
    items = items[(items["relation"] == "upos") & (items["variant"] == "transferred")]
    weight, bias = (whole.arrays[f"tokens_upos_{one}"] for one in (0, 1))
    for layer in range(3):
        vectors = states.state(layer).double().numpy()
        said = (vectors @ weight[layer] + bias[layer][:, None]).argmax(-1)  # [S, T]
        own = items[items["layer"] == layer]
        seed = own["item_id"].str.rpartition("#")[2].astype(int)
        for number in range(2):
            found_ = own.loc[seed == number, "prediction"].astype(int)
            assert (found_.to_numpy() == said[number]).mean() > 0.99
    # the embeddings are not masked
    assert of(result, "transferred")[0] == of(whole, "own")[0]
    assert (of(result, "transferred") != of(result, "own")).any()


def test_items_of_both_questions_stand_side_by_side(masked):
    _, result = masked
    items = result.items
    keys = ["item_id", "relation", "layer", "variant"]
    assert not items.duplicated(keys).any()
    own, moved = (items[items["variant"] == name].sort_values(keys)["gold"].to_numpy(float)
                  for name in ("own", "transferred"))  # fmt: skip
    np.testing.assert_array_equal(own, moved)
    means = items.groupby(["variant", "relation", "layer"])["score"].mean()
    rows = result.rows[result.rows["metric"] == "accuracy"]
    values = rows.set_index(["variant", "relation", "layer"])["value"]
    pd.testing.assert_series_equal(
        values.sort_index().astype(float), means.sort_index().astype(float),
        check_names=False, check_index_type=False,
    )  # fmt: skip


def test_without_the_whole_model_a_mask_has_its_own_alone(ground, masked):
    _, learning, _ = ground
    assert set(found(masked[0], learning, epochs=1).rows["variant"]) == {"own", "own;hidden=3"}


def test_classifiers_of_other_labels_or_shapes_are_refused(ground, masked):
    _, learning, whole = ground
    labels = {**whole.arrays, "tokens_upos_labels": np.arange(5.0)}
    for arrays, options in ((labels, {}), (whole.arrays, {"seeds": 1}),
                            (whole.arrays, {"hidden": (4,)})):  # fmt: skip
        with pytest.raises(ConfigError, match="no classifiers of upos for 3 states"):
            found(masked[0], replace(learning, whole=arrays), epochs=1, **options)
