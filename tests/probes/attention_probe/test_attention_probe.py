"""The attention probe against loops, on maps that show the tree, and under masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from attention_oracle import plain_text
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import InputError
from subprobe.data.sentences.sentence import ROOT
from subprobe.probes.attention_probe import attention_probe as module
from subprobe.probes.attention_probe.attention_probe import run_attention_probe
from subprobe.probes.attention_probe.map_batches import map_batches
from subprobe.probes.attention_probe.scorers import FORMS, HeadScorers, distance_features
from subprobe.probes.attention_probe.static_vectors import main_directions, reduced, word_vectors
from subprobe.probes.attention_probe.word_maps import SPECIALS, gather_maps
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.states.cache import StateCache


@pytest.fixture
def learning(tmp_path):
    examples = random_examples(24, seed=3)
    return Learning(tuple(examples[:16]), tuple(examples[16:]), "given", StateCache(tmp_path))


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_maps_are_those_of_single_texts(family, tmp_path):
    context = with_dead_heads(tiny_context(family), [(0, 1)])
    examples = random_examples(7)
    maps = gather_maps(context, examples, tmp_path / "maps", batch_size=3)
    assert hooks_on(context.model) == 0
    for text, example in enumerate(maps.examples):
        plain = plain_text(context, example)
        words = maps.texts.words[text].word
        W = maps.length(text)
        source, target = np.zeros((W, len(words))), np.zeros((len(words), W))
        for piece, word in enumerate(words):
            if word >= 0:
                source[word, piece] = 1 / np.sum(words == word)
                target[piece, word] = 1
        every = np.concatenate(plain.attention)
        specials = np.flatnonzero(words < 0)
        first, others = specials[0], specials[1:]
        expected = np.concatenate(
            [
                source @ every @ target,
                (source @ every[:, :, [first]]),
                (source @ every[:, :, others].sum(2, keepdims=True)),
                np.swapaxes(every[:, [first]] @ target, 1, 2),
                np.swapaxes(every[:, others].mean(1, keepdims=True) @ target, 1, 2),
            ],
            axis=2,
        )
        np.testing.assert_allclose(maps.maps(text).numpy(), expected, atol=1e-6)


def test_gold_heads_are_columns_of_kept_words(tmp_path):
    context = tiny_context(max_length=9)
    maps = gather_maps(context, random_examples(12), tmp_path / "maps")
    cut = 0
    for text, example in enumerate(maps.examples):
        gold, n = maps.gold(text), maps.length(text)
        for word in range(n):
            head = example.first.heads[word]
            if head == ROOT:
                assert gold[word] == n
            elif head < n:
                assert gold[word] == head
            else:
                assert gold[word] == -1
                cut += 1
    assert cut


def random_batch(tmp_path, width=3):
    context = tiny_context()
    maps = gather_maps(context, random_examples(5), tmp_path / "maps")
    draw = torch.Generator().manual_seed(1)
    vectors = [torch.randn(maps.length(i), width, generator=draw) for i in range(5)]
    alive = torch.ones(maps.heads, dtype=torch.bool)
    (batch,) = map_batches(maps, vectors, alive, texts=5)
    return maps, vectors, batch


@pytest.mark.parametrize("form", FORMS)
def test_scores_and_losses_are_those_of_loops(form, tmp_path):
    maps, vectors, batch = random_batch(tmp_path)
    scorers = HeadScorers(form, maps.heads, 3, [5, 6, 7])
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for one in scorers.parameters():
            for tensor in one:
                tensor.copy_(torch.randn(tensor.shape, generator=draw))
    active = [0, 2]
    scores = scorers.scores(active, batch).detach()
    losses = scorers.losses(active, batch).detach()
    for p, place in enumerate(active):
        weights = [one.detach().double() for one in scorers.parameters()[place]]
        nats = []
        for row, text in enumerate(batch.texts):
            whole, v = maps.maps(text).double(), vectors[text].double()
            W = maps.length(text)
            for i in range(W):
                answers = []
                for j in [*range(W), None]:
                    if j == i:
                        continue
                    answers.append(plain_score(form, weights, whole, v, i, j))
                    column = batch.words.shape[1] if j is None else j
                    assert scores[p, row, i, column].item() == pytest.approx(
                        float(answers[-1]), abs=1e-4, rel=1e-4
                    )
                if maps.gold(text)[i] >= 0:
                    candidates = [j for j in [*range(W), W] if j != i]
                    gold = candidates.index(maps.gold(text)[i])
                    nats.append(torch.logsumexp(torch.stack(answers), 0) - answers[gold])
        assert losses[p].item() == pytest.approx(float(torch.stack(nats).mean()), rel=1e-4)


def plain_score(form, weights, whole, v, i, j):
    W = whole.shape[1]
    if form == "words+distances":
        own, other, apart, root, bias, out = weights
        if j is None:
            return torch.tanh(v[i] @ own + bias + root) @ out
        apart = distance_features(W)[i, j].double() @ apart
        return torch.tanh(v[i] @ own + v[j] @ other + apart + bias) @ out
    if j is None:
        return (weights[2] * whole[:, i, W:]).sum() + weights[3][0]
    outward, inward = weights[0], weights[1]
    if form == "maps+words":
        outward = outward + v[i] @ weights[4] + v[j] @ weights[5]
        inward = inward + v[i] @ weights[6] + v[j] @ weights[7]
    return outward @ whole[:, i, j] + inward @ whole[:, j, i]


def test_features_tell_side_and_distance():
    features = distance_features(9)
    assert features[4, 3].nonzero().flatten().tolist() == [1, 6]
    assert features[4, 6].nonzero().flatten().tolist() == [3, 7]
    assert features[0, 8].nonzero().flatten().tolist() == [5, 7]
    assert features[4, 4].abs().sum() == 0


def test_a_head_that_shows_the_tree_gets_the_weight(learning, monkeypatch):
    context = tiny_context()
    real = gather_maps
    planted = 5

    def gather(*args, **kwargs):
        maps = real(*args, **kwargs)
        numbers = np.array(maps.numbers)
        for text in range(len(maps.examples)):
            W = maps.length(text)
            part = numbers[maps.starts[text] : maps.starts[text + 1]]
            whole = part.reshape(maps.heads, W, W + SPECIALS)
            whole[planted] = 0
            for word, head in enumerate(maps.gold(text)):
                whole[planted, word, W if head == W else head] = 1
        return type(maps)(maps.texts, numbers, maps.starts, maps.heads)

    monkeypatch.setattr(module, "gather_maps", gather)
    found = run_attention_probe(
        context, random_examples(10), learning=learning, forms=("maps",), rates=(0.1,), width=4
    )
    rows = found.rows
    uas = rows[(rows["variant"] == "maps") & (rows["metric"] == "uas")]["value"]
    assert (uas == 1).all()
    weights = rows[(rows["unit"] == "head") & (rows["direction"] == "dependent->head")]
    best = weights.loc[weights["value"].idxmax()]
    assert best["layer"] * context.anatomy.num_heads + best["head"] == planted


def test_dead_heads_have_no_weight_and_no_part(learning):
    whole = tiny_context()
    context = with_dead_heads(whole, [(0, 0), (1, 2)])
    found = run_attention_probe(
        context, random_examples(6), learning=learning, forms=("maps",), epochs=2, width=4
    )
    heads = found.rows[found.rows["unit"] == "head"]
    dead = heads[heads["flag"] == "dead"]
    assert {(row.layer, row.head) for row in dead.itertuples()} == {(0, 0), (1, 2)}
    assert dead["value"].isna().all()
    assert heads[heads["flag"].isna()]["value"].notna().all()


def test_rows_are_sums_over_items_and_equal_runs_are_equal(learning, tmp_path):
    context, examples = tiny_context(), random_examples(9)
    options = {"attention-probe": {"epochs": 3, "width": 4, "seeds": 2}}

    def run():
        (found,) = run_named_probes(
            context, examples, ["attention-probe"], options=options, learning=learning
        )
        return found

    found = run()
    items = found.items.groupby(["variant", "metric"])[["numerator", "denominator"]].sum()
    for row in found.rows[found.rows["unit"] == "model"].itertuples():
        sums = items.loc[row.variant, row.metric]
        assert row.value == pytest.approx(sums["numerator"] / sums["denominator"])
        assert row.n == sums["denominator"]
    again = run()
    assert found.rows.equals(again.rows)
    assert found.items.equals(again.items)
    assert not list(tmp_path.glob("maps-*"))
    assert hooks_on(context.model) == 0


def test_nothing_is_left_of_a_failure(learning, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "word_vectors", full)
    with pytest.raises(OSError, match="No space"):
        run_attention_probe(tiny_context(), random_examples(4), learning=learning)
    assert not list(tmp_path.glob("maps-*"))


def test_sentences_without_trees_are_refused(learning):
    from dataclasses import replace

    bare = [
        example.with_sentences(replace(example.first, heads=(), deprels=()), None)
        for example in learning.train
    ]
    with pytest.raises(InputError, match="train part"):
        run_named_probes(
            tiny_context(), random_examples(4), ["attention-probe"],
            learning=Learning(tuple(bare), learning.dev, "given", learning.states),
        )  # fmt: skip


def test_word_vectors_are_means_of_embeddings_along_main_axes(tmp_path):
    context = tiny_context()
    maps = gather_maps(context, random_examples(20), tmp_path / "maps")
    vectors = word_vectors(context.model, maps.texts)
    table = context.model.get_input_embeddings().weight.detach().numpy()
    ids, words = maps.texts.encoded[0].input_ids, maps.texts.words[0].word
    for word in range(maps.length(0)):
        pieces = [table[ids[place]] for place in np.flatnonzero(words == word)]
        np.testing.assert_allclose(vectors[0][word], np.mean(pieces, axis=0), atol=1e-6)
    mean, axes = main_directions(vectors, 3)
    every = np.concatenate([one.numpy() for one in vectors])
    along = torch.cat(reduced(vectors, mean, axes)).numpy()
    _, scales, directions = np.linalg.svd(every - every.mean(0), full_matrices=False)
    expected = (every - every.mean(0)) @ directions[:3].T / scales[:3] * np.sqrt(len(every))
    np.testing.assert_allclose(np.abs(along), np.abs(expected), atol=1e-3)
