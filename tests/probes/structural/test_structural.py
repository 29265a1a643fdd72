"""`structural` as a whole: rows from items, the two questions, planted trees, bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.sentences.sentence import ROOT, Example, Sentence
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.learning.learning import Learning
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe
from subprobe.probes.states.cache import StateCache
from subprobe.probes.states.state_file import open_states, writing_states
from subprobe.probes.states.word_states import WordStates, words_of
from subprobe.probes.structural.gold_trees import path_lengths
from subprobe.probes.structural.structural import run_structural

OPTIONS: dict[str, Any] = {"epochs": 3, "ranks": (4,), "rates": (1e-2,), "sentences": 8}
TEST = random_examples(12, seed=2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return StateCache(tmp_path_factory.mktemp("states"))


@pytest.fixture(scope="module")
def learning(cache):
    learnt = random_examples(30, seed=1)
    return Learning(tuple(learnt[:20]), tuple(learnt[20:]), "given", cache)


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", double=False)


@pytest.fixture(scope="module")
def whole(context, learning):
    return run_structural(context, TEST, learning=learning, **(OPTIONS | {"seeds": 2}))


def values(result, variant="own"):
    """Metric and layer -> value."""
    rows = result.rows[(result.rows["variant"] == variant) & result.rows["layer"].notna()]
    return {(row.metric, int(row.layer)): row.value for row in rows.itertuples()}


def recomputed(items):
    """Metric, variant and layer -> value, from items alone."""
    found = {}
    keys = items.assign(layer=items["layer"].fillna(-1)).groupby(["metric", "variant", "layer"])
    for (metric, variant, layer), own in keys:
        if metric.endswith("_by_word"):
            metric = metric.removesuffix("_by_word")
            sums = own.groupby("denominator")[["numerator", "denominator"]].sum()
            value = (sums["numerator"] / sums["denominator"]).mean()
        else:
            value = own["numerator"].sum() / own["denominator"].sum()
        found[metric, variant, int(layer)] = float(value)
    return found


def test_every_row_is_a_function_of_the_items(whole):
    found = recomputed(whole.items)
    rows = whole.rows[~whole.rows["metric"].str.endswith("_seed_sd")]
    assert len(found) == 4 * 3 + 3
    for row in rows.itertuples():
        layer = -1 if row.unit == "model" else row.layer
        key = row.metric.removeprefix("baseline_"), row.variant, int(layer)
        assert row.value == pytest.approx(found.pop(key, row.value), abs=1e-12)
    assert not found


def test_rows_stand_beside_the_chain_and_the_embeddings(whole):
    rows = whole.rows
    at = rows[(rows["metric"] == "uuas") & (rows["layer"] == 2)]
    assert at["baseline"].tolist() == ["linear-chain", "layer-0"]
    of_model = rows[rows["unit"] == "model"].set_index("metric")["value"]
    assert at["baseline_value"].tolist() == [of_model["baseline_uuas"], values(whole)["uuas", 0]]
    nspr = rows[rows["metric"] == "nspr"]
    assert nspr["baseline"].fillna("").tolist() == ["", "layer-0", "layer-0"]
    roots = rows[(rows["metric"] == "root_accuracy") & (rows["layer"] == 1)]
    assert roots["baseline"].tolist() == ["first-word", "layer-0"]


def test_a_value_is_the_mean_over_seeds_and_the_spread_stands_beside_it(context, learning, whole):
    alone = values(run_structural(context, TEST, learning=learning, **OPTIONS, seed=0))
    arrays = whole.arrays["structural_distance_4"]
    assert arrays.shape == (2, 3, 32, 4)
    assert not np.allclose(arrays[0], arrays[1])
    rows = whole.rows[whole.rows["metric"] == "uuas_seed_sd"]
    assert rows["n"].tolist() == [2, 2, 2]
    both, first = values(whole)["uuas", 1], alone["uuas", 1]
    spread = float(rows["value"].iloc[1])
    assert abs(both - first) == pytest.approx(spread / np.sqrt(2), abs=1e-9)


def test_same_seed_same_numbers(context, learning, whole):
    again = run_structural(context, TEST, learning=learning, **(OPTIONS | {"seeds": 2}))
    assert again.rows.equals(whole.rows)
    for name, array in whole.arrays.items():
        assert array.tobytes() == again.arrays[name].tobytes()
    other = run_structural(context, TEST, learning=learning, **(OPTIONS | {"seeds": 2}), seed=5)
    assert not other.rows.equals(whole.rows)


def test_a_mask_is_asked_both_questions(context, learning, whole):
    masked = with_dead_heads(context, [(0, 0), (0, 1), (1, 2)])
    given = replace(learning, whole=whole.arrays)
    found = run_structural(masked, TEST, learning=given, **(OPTIONS | {"seeds": 2}))
    assert found.arrays == {}
    own, transferred = values(found), values(found, "transferred")
    # the embeddings are those of the whole model, the other states are not
    for metric in ("uuas", "dspr", "nspr", "root_accuracy"):
        assert own[metric, 0] == pytest.approx(values(whole)[metric, 0], abs=1e-9)
        assert transferred[metric, 0] == pytest.approx(own[metric, 0], abs=1e-9)
    assert transferred["dspr", 2] != own["dspr", 2] != values(whole)["dspr", 2]
    # a mask that removes nothing reads what the whole model reads
    nothing = run_structural(
        with_dead_heads(context, []), TEST, learning=given, **(OPTIONS | {"seeds": 2})
    )
    for key, value in values(nothing, "transferred").items():
        assert value == pytest.approx(values(whole)[key], abs=1e-9), key


def test_a_sweep_names_each_rank_and_trains_each_as_alone(context, learning, whole):
    found = run_structural(
        context, TEST, learning=learning, **(OPTIONS | {"seeds": 2, "ranks": (2, 4, 64)})
    )
    # no more than D rows
    named = set(found.rows["variant"]) - {"linear-chain", "first-word"}
    assert named == {"own;rank=2", "own;rank=4", "own;rank=32"}
    assert found.notes["structural_ranks"] == "2 4 32"
    for key, value in values(found, "own;rank=4").items():
        assert value == pytest.approx(values(whole)[key], abs=1e-6), key


def test_a_mask_needs_the_ranks_of_the_whole_model(context, learning, whole):
    masked = with_dead_heads(context, [(0, 0)])
    given = replace(learning, whole=whole.arrays)
    with pytest.raises(ConfigError, match="no distance probe of rank 5 for 3 states of width 32"):
        run_structural(masked, TEST, learning=given, **(OPTIONS | {"ranks": (5,)}))


def test_what_training_came_to_is_noted(whole):
    notes = whole.notes
    rates = json.loads(notes["structural_learning_rates"])
    assert rates == {"distance;rank=4": [0.01] * 3, "depth;rank=4": [0.01] * 3}
    epochs = json.loads(notes["structural_epochs"])
    assert all(1 <= one <= 3 for of in epochs.values() for one in of)
    assert notes["structural_train_sentences"] == 20
    assert notes["structural_parts"] == "given"


class Planted(StateCache):
    """Files of states that `make` gives for a sentence and the place of a word in it [U, D]."""

    make: Any

    def __init__(self, folder, make):
        super().__init__(folder)
        object.__setattr__(self, "make", make)

    def of(self, context, examples, **_options):
        texts = read_texts(context, examples)
        kept = zip(texts.examples, texts.words, strict=True)
        made = [self.make(one.first, place) for one, words in kept for _, place in words.kept]
        vectors = torch.tensor(made, dtype=torch.float32).transpose(0, 1)
        path = self.folder / f"{examples[0].id}-{len(examples)}.safetensors"
        with writing_states(
            path, "planted", len(vectors), vectors.shape[2], words_of(texts)
        ) as writer:
            for layer, rows in enumerate(vectors):
                writer.write(layer, 0, rows)
        return WordStates(texts, open_states(path, "planted"))


def planted(sentence, place):
    """State 0: nothing of the tree. State 1: a square root of the path lengths, and of depths."""
    heads = sentence.heads
    above = [place]
    while heads[above[-1]] != ROOT:
        above.append(heads[above[-1]])
    # an axis for each word but the root, walked by all below it: squared distances are path lengths
    tree = [float(word in above[:-1]) for word in range(14)]
    noise = np.random.default_rng([place, len(heads)]).normal(size=14)
    return [noise.tolist(), tree]


def test_planted_trees_are_found(context, tmp_path):
    """In states whose squared distances are path lengths, an untrained identity would do."""
    learnt = random_examples(160, seed=3)
    given = Learning(tuple(learnt[:140]), tuple(learnt[140:]), "given", Planted(tmp_path, planted))
    found = values(
        run_structural(
            context, TEST, learning=given, ranks=(14,), rates=(3e-2,), sentences=20, epochs=40
        )
    )
    distances, depths = path_lengths(TEST[0].first.heads)
    vectors = np.array([planted(TEST[0].first, one)[1] for one in range(len(depths))])
    apart = ((vectors[:, None] - vectors[None]) ** 2).sum(-1)
    assert (apart == distances).all()
    assert ((vectors**2).sum(-1) == depths).all()
    for metric in ("uuas", "dspr", "nspr", "root_accuracy"):
        assert found[metric, 1] > 0.95 > 0.8 > found[metric, 0], metric


def test_states_that_are_not_finite_are_refused(context, tmp_path):
    def broken(sentence, place):
        return [[float("nan")] * 3, [1.0] * 3]

    learnt = tuple(random_examples(6, seed=3))
    given = Learning(learnt[:4], learnt[4:], "given", Planted(tmp_path, broken))
    with pytest.raises(InputError, match=r"loss of a probe is NaN or infinite in its first epoch"):
        run_structural(context, TEST, learning=given, **OPTIONS)


def test_sentences_longer_than_the_model_are_scored_on_what_is_kept(learning):
    short = tiny_context("bert", double=False, max_length=8)
    found = run_structural(short, TEST, learning=learning, **OPTIONS)
    rows = found.rows[found.rows["layer"] == 1].drop_duplicates("metric").set_index("metric")
    lost = int(found.notes["structural_n_without_root"])
    assert 0 < lost < len(TEST)
    assert rows.loc["root_accuracy", "n"] == len(TEST) - lost
    assert int(found.notes["n_texts_cut"]) > 0


def test_sentences_without_tags_count_in_no_score_that_leaves_words_out(context, learning):
    bare = [replace(one, first=replace(one.first, upos=())) for one in TEST]
    found = run_structural(context, bare, learning=learning, **OPTIONS)
    rows = found.rows[found.rows["layer"] == 1].drop_duplicates("metric").set_index("metric")
    assert rows.loc["uuas", "n"] == 0
    assert rows["value"].isna()["uuas"]
    assert rows.loc["dspr", "n"] > 0
    assert found.notes["structural_n_untagged"] == len(TEST)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("ranks", (0,), "ranks must be >= 1"), ("ranks", (4, 4), "ranks contain duplicates"),
     ("ranks", (), "at least 1"), ("punctuation", "tags", "punctuation")],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(option, value, said):
    with pytest.raises(ConfigError, match=said):
        typed_options(find_probe("structural"), {option: value})


def test_a_sentence_all_of_whose_words_are_cut_off_counts_nowhere(context, cache, learning):
    """One word of more pieces than the model reads: it has no whole word, in any of the parts."""
    lone = Sentence("long", ("x" * 90,), upos=("X",), heads=(ROOT,), annotation="gold", scheme="ud")
    extra = Example("long", lone)
    given = Learning((*learning.train, extra), (extra, *learning.dev), "given", cache)
    short = replace(context, max_length=80)
    found = run_structural(short, [extra, *TEST], learning=given, **OPTIONS)
    plain = run_structural(short, TEST, learning=learning, **OPTIONS)
    for metric in ("uuas", "root_accuracy"):
        ours, theirs = (one.rows[one.rows["metric"] == metric]["n"] for one in (found, plain))
        assert ours.tolist() == theirs.tolist()
    assert "long" not in set(found.items["item_id"])
    assert (found.notes["n_texts_read"], found.notes["structural_n_without_root"]) == (13, 1)
