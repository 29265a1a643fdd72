from __future__ import annotations

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import AnnotationError, ConfigError
from subprobe.data.sentences.sentence import ROOT, Example, Sentence
from subprobe.models.masks.gates import gated
from subprobe.probes.forward.held_out import halves, text_digest
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.syntax.arc_counts import DIRECTIONS
from subprobe.probes.syntax.attention_trees import AttentionTrees
from subprobe.probes.syntax.dependency_heads import DependencyHeads
from subprobe.probes.syntax.tree_baselines import METRICS, tree_baselines

DECODERS = ("max", "arborescence", "spanning-tree")


def tagged(sentence, seed):
    draw = np.random.default_rng(seed)
    upos = tuple("PUNCT" if draw.random() < 0.3 else tag for tag in sentence.upos)
    return replace(sentence, upos=upos)


def examples_with_punctuation(n=10, *, pairs=False):
    return [
        example.with_sentences(
            tagged(example.first, i), tagged(example.second, 900 + i) if pairs else None
        )
        for i, example in enumerate(random_examples(n, pairs=pairs))
    ]


def trees(context, examples, *, batch_size=4, **options):
    probe = AttentionTrees(context, **{"selection": "reported", **options})
    return run_probes(context, examples, [probe], batch_size=batch_size)[0]


# -- the plain implementation: one sentence, one head at a time --------------------------------


def plain_maps(context, example):
    """Attention between the kept words of each sentence: [(kept words, {(l, h): grid})]."""
    sentences = [example.first] + ([example.second] if example.second else [])
    encoded = encode_words(
        context.tokenizer,
        [example.first],
        [example.second] if example.second else None,
        max_length=context.max_length,
    )[0]
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    context.model.set_attn_implementation("eager")
    with torch.no_grad(), gated(context.model, context.subnetwork):
        maps = context.model.base_model(**inputs, output_attentions=True).attentions
    found = []
    for s, sentence in enumerate(sentences):
        pieces = {}
        for place, (word, segment) in enumerate(
            zip(encoded.word_of_piece, encoded.segment_of_piece, strict=True)
        ):
            if word >= 0 and segment == s:
                pieces.setdefault(word, []).append(place)
        kept = [word for word in range(len(sentence.words)) if word in pieces]
        grids = {}
        for layer, stack in enumerate(maps):
            for head in range(stack.shape[1]):
                grid = stack[0, head].tolist()
                grids[layer, head] = [
                    [
                        sum(grid[i][j] for i in pieces[a] for j in pieces[b]) / len(pieces[a])
                        for b in kept
                    ]
                    for a in kept
                ]
        found.append((sentence, kept, grids))
    return found


def plain_tree(grid, root, decoder, gold_root):
    """Edges (dependent, head) by networkx; undirected trees are read from their start."""
    n = len(grid)
    if n < 2:
        return {}
    if decoder == "max":
        others = {w: [h for h in range(n) if h != w] for w in range(n)}
        if gold_root:
            del others[root]
        return {w: max(heads, key=grid[w].__getitem__) for w, heads in others.items()}
    if decoder == "arborescence":
        graph = nx.DiGraph()
        for word, head in itertools.permutations(range(n), 2):
            if not gold_root or word != root:
                graph.add_edge(head, word, weight=grid[word][head])
        return {word: head for head, word in nx.maximum_spanning_arborescence(graph).edges}
    graph = nx.Graph()
    for a, b in itertools.combinations(range(n), 2):
        graph.add_edge(a, b, weight=grid[a][b] + grid[b][a])
    tree = nx.maximum_spanning_tree(graph)
    return {word: head for head, word in nx.bfs_edges(tree, root if gold_root else 0)}


def plain_relink(heads, gone):
    linked = {}
    for word, head in heads.items():
        seen = set()
        while head in gone and head in heads and head not in seen:
            seen.add(head)
            head = heads[head]
        if word not in gone and head not in gone and head != word:
            linked[word] = head
    return linked


def plain_unit_grids(grids, alive):
    """Grids of every kept head, of each layer's mean and of the mean of all."""
    living = [unit for unit in grids if alive[unit]]
    units = {unit: grids[unit] for unit in living}
    for layer in sorted({layer for layer, _ in living}):
        units[layer, None] = np.mean([grids[u] for u in living if u[0] == layer], axis=0).tolist()
    if living:
        units[None, None] = np.mean([grids[unit] for unit in living], axis=0).tolist()
    return units


def plain_frame(
    context, examples, *, decoder="max", root="gold", scores="weights", renormalise=False
):
    """Arcs found and arcs, by unit, direction and metric, summed over all sentences."""
    records = []
    directions = (None,) if decoder == "spanning-tree" else DIRECTIONS
    for sentence, kept, grids in itertools.chain(*(plain_maps(context, e) for e in examples)):
        gold = {
            kept.index(w): kept.index(h)
            for w, h in enumerate(sentence.heads)
            if h != ROOT and w in kept and h in kept
        }
        if sentence.heads.index(ROOT) not in kept:
            continue
        start = kept.index(sentence.heads.index(ROOT))
        gone = {i for i, word in enumerate(kept) if sentence.upos[word] == "PUNCT"}
        if renormalise:
            grids = {u: [[x / sum(row) for x in row] for row in grid] for u, grid in grids.items()}
        for unit, grid in plain_unit_grids(grids, context.alive).items():
            grid = np.array(grid).reshape(len(kept), len(kept))
            for direction in directions:
                used = grid.T if direction == DIRECTIONS[1] else grid
                rated = (np.log(used) if scores == "log" else used).tolist()
                heads = plain_tree(rated, start, decoder, root == "gold")
                for suffix, guess, truth in (
                    ("", heads, gold),
                    ("_no_punct", plain_relink(heads, gone), plain_relink(gold, gone)),
                ):
                    edges = {frozenset(edge) for edge in guess.items()}
                    hits = {
                        "uas": sum(guess.get(w) == h for w, h in truth.items()),
                        "uuas": sum(frozenset(edge) in edges for edge in truth.items()),
                    }
                    records += [
                        (*unit, direction, metric + suffix, found, len(truth))
                        for metric, found in hits.items()
                        if decoder != "spanning-tree" or metric == "uuas"
                    ]
    names = ["layer", "head", "direction", "metric", "found", "arcs"]
    frame = pd.DataFrame(records, columns=names)
    return summed(frame.rename(columns={"found": "numerator", "arcs": "denominator"}))


def summed(frame):
    """Sums by unit, direction and metric, with -1 for what a unit has not."""
    frame = frame.assign(
        layer=frame["layer"].fillna(-1).astype(int),
        head=frame["head"].fillna(-1).astype(int),
        direction=frame["direction"].astype(object).fillna("undirected"),
        metric=frame["metric"].astype(object),
    )
    places = ["layer", "head", "direction", "metric"]
    return frame.groupby(places)[["numerator", "denominator"]].sum().astype(float).sort_index()


def unit_rows(result):
    """Rows of heads and means, indexed as `summed` does."""
    rows = result.rows[result.rows["metric"].isin(METRICS)]
    rows = rows.assign(numerator=rows["value"] * rows["n"], denominator=rows["n"])
    return summed(rows[rows["flag"].isna()])


# -- tests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"root": "free", "renormalise": True},
        pytest.param({"decoder": "arborescence"}, marks=pytest.mark.slow),
        pytest.param({"decoder": "arborescence", "root": "free", "scores": "log"},
                     marks=pytest.mark.slow),
        {"decoder": "arborescence", "scores": "log", "renormalise": True},
        pytest.param({"decoder": "spanning-tree"}, marks=pytest.mark.slow),
        {"decoder": "spanning-tree", "root": "free", "scores": "log"},
    ],
    ids=str,
)  # fmt: skip
def test_rows_and_items_equal_a_plain_implementation(options):
    context, examples = tiny_context("bert"), examples_with_punctuation(20)
    context = with_dead_heads(context, [(0, 2)])
    expected = plain_frame(context, examples, **options)
    result = trees(context, examples, **options)
    pd.testing.assert_frame_equal(unit_rows(result), expected, atol=1e-6)
    pd.testing.assert_frame_equal(summed(result.items), expected, atol=1e-6)
    units = 7 + 2 + 1  # kept heads, layers, the model
    assert len(expected) == units * (2 if options.get("decoder") == "spanning-tree" else 8)


@pytest.mark.parametrize("decoder", DECODERS)
def test_pairs_are_read_a_sentence_at_a_time(decoder):
    context, examples = tiny_context("roberta"), examples_with_punctuation(6, pairs=True)
    expected = plain_frame(context, examples, decoder=decoder)
    result = trees(context, examples, decoder=decoder)
    pd.testing.assert_frame_equal(unit_rows(result), expected, atol=1e-6)
    assert result.notes["tree_n_texts"] == 12


@pytest.mark.parametrize("decoder", DECODERS)
def test_cut_words_and_sentences_without_root_leave_the_score(decoder):
    context = tiny_context("bert", max_length=12)
    examples = examples_with_punctuation(14)
    result = trees(context, examples, decoder=decoder)
    expected = plain_frame(context, examples, decoder=decoder)
    pd.testing.assert_frame_equal(unit_rows(result), expected, atol=1e-6)
    n_arcs = sum(len(example.first.words) - 1 for example in examples)
    rows = result.rows[result.rows["metric"] == "uuas"]
    assert (rows["n"] + rows["n_dropped"] == n_arcs).all()
    assert 0 < result.notes["tree_n_texts_without_root"] < 14
    assert result.notes["tree_n_arcs_dropped"] == rows["n_dropped"].iloc[0] > 0


def test_max_finds_what_dependency_heads_finds():
    context, examples = tiny_context("bert"), examples_with_punctuation(12)
    for selection in ("held-out", "reported"):
        probes = [make(context, selection=selection) for make in (AttentionTrees, DependencyHeads)]
        ours, other = run_probes(context, examples, probes)
        mine = ours.arrays["tree_correct"][:, 0]  # [2, C, L, H]
        np.testing.assert_array_equal(mine, other.arrays["correct"][:, -1])
        best = ours.rows[ours.rows["metric"] == "best_head_uas"].iloc[0]
        same = other.rows.query("metric == 'best_head_accuracy' and relation == 'all'").iloc[0]
        for column in ("layer", "head", "direction", "value", "n"):
            assert best[column] == same[column]


def test_held_out_head_is_chosen_on_the_other_half():
    context, examples = tiny_context("bert"), examples_with_punctuation(16)
    side = halves([text_digest(example.first) for example in examples])
    result = trees(context, examples, selection="held-out")
    halved = [
        plain_frame(context, [e for e, where in zip(examples, side, strict=True) if where == s])
        for s in (0, 1)
    ]
    pd.testing.assert_frame_equal(unit_rows(result), halved[1], atol=1e-6)
    for metric in METRICS:
        heads = halved[0].query("head >= 0 and metric == @metric")
        best = result.rows[result.rows["metric"] == f"best_head_{metric}"]
        tied = heads.index[heads["numerator"] == heads["numerator"].max()]
        place = (best["layer"].iloc[0], best["head"].iloc[0], best["direction"].iloc[0], metric)
        assert place in set(tied)
        scored = halved[1].loc[place]
        assert best["value"].iloc[0] == pytest.approx(scored["numerator"] / scored["denominator"])
    choosing = result.items[result.items["metric"].str.endswith("_choosing")]
    renamed = choosing.assign(metric=choosing["metric"].str.removesuffix("_choosing"))
    pd.testing.assert_frame_equal(summed(renamed), halved[0], atol=1e-6)


@pytest.mark.parametrize("selection", ["held-out", "reported"])
def test_baselines_stand_beside_every_row(selection):
    context, examples = tiny_context("bert"), examples_with_punctuation(12)
    rows = trees(context, examples, selection=selection).rows
    scores = tree_baselines([example.first for example in examples], selection=selection)
    best = rows[rows["metric"].str.startswith("best_head_").astype(bool)]
    assert set(best["baseline"]) == set(scores)
    for name, one in scores.items():
        for metric, score in one.items():
            own = rows[(rows["metric"] == f"baseline_{metric}")]
            own = own[own["target"].str.startswith(name).astype(bool)]
            assert (own["value"].item(), own["n"].item()) == (score.value, score.n)
            beside = best[(best["metric"] == f"best_head_{metric}") & (best["baseline"] == name)]
            assert beside["baseline_value"].item() == score.value
    heads = rows[rows["metric"] == "uuas"]
    assert (heads["baseline"] == "adjacent-chain").all()
    assert (heads["baseline_value"] == scores["adjacent-chain"]["uuas"].value).all()
    heads = rows[rows["metric"] == "uas_no_punct"]
    assert (heads["baseline_value"] == scores["best-offset"]["uas_no_punct"].value).all()


def test_untrained_encoder_is_a_baseline_of_the_best_head():
    context, examples = tiny_context("bert"), examples_with_punctuation(8)
    other = tiny_context("bert", seed=5)
    untrained = trees(other, examples)
    rows = trees(context, examples, untrained=untrained).rows
    best = rows[(rows["baseline"] == "untrained").fillna(False).astype(bool)]
    theirs = untrained.rows.drop_duplicates("metric").set_index("metric")["value"]
    assert set(best["metric"]) == {f"best_head_{metric}" for metric in METRICS}
    assert (best["baseline_value"].array == theirs[best["metric"]].array).all()
    assert (best["value"] != best["baseline_value"]).any()


def test_dead_heads_have_no_tree_and_leave_the_means():
    context, examples = tiny_context("bert"), examples_with_punctuation(8)
    dead = [(0, head) for head in range(4)] + [(1, 1)]
    result = trees(with_dead_heads(context, dead), examples)
    rows = result.rows[result.rows["metric"] == "uas"]
    gone = rows[rows["flag"] == "dead"]
    assert gone["value"].isna().all()
    assert (gone["n"] == 0).all()
    units = gone[["layer", "head"]].drop_duplicates().fillna(-1).astype(int)
    assert set(map(tuple, units.to_numpy().tolist())) == {*dead, (0, -1)}
    assert not result.items["layer"].eq(0).any()
    mean = unit_rows(result).reset_index()
    layer = mean[(mean["layer"] == 1) & (mean["head"] == -1)]["numerator"].to_numpy()
    every = mean[mean["layer"] == -1]["numerator"].to_numpy()
    np.testing.assert_allclose(layer, every)


def test_no_living_head_leaves_no_best_head():
    every = [(layer, head) for layer in range(2) for head in range(4)]
    rows = trees(with_dead_heads(tiny_context("bert"), every), examples_with_punctuation(6)).rows
    best = rows[rows["metric"].str.startswith("best_head_").astype(bool)]
    assert best["value"].isna().all()
    assert best["layer"].isna().all()
    assert (best["flag"] == "dead").all()


@pytest.mark.parametrize("decoder", DECODERS)
def test_result_does_not_depend_on_batch_size_or_order(decoder):
    context, examples = tiny_context("bert"), examples_with_punctuation(12)
    reference = trees(context, examples, decoder=decoder, batch_size=12)
    for again in (
        trees(context, examples, decoder=decoder, batch_size=1),
        trees(context, examples[::-1], decoder=decoder, batch_size=5),
    ):
        pd.testing.assert_frame_equal(again.rows, reference.rows)
        for name, counts in reference.arrays.items():
            np.testing.assert_array_equal(again.arrays[name], counts)


def test_one_direction_is_a_part_of_both():
    context, examples = tiny_context("bert"), examples_with_punctuation(6)
    both = unit_rows(trees(context, examples)).reset_index()
    one = unit_rows(trees(context, examples, directions=DIRECTIONS[1:])).reset_index()
    part = both[both["direction"] == DIRECTIONS[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, part)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_sentence_of_one_word_has_no_arcs(decoder):
    go = Sentence(
        "one", ("Go",), upos=("VERB",), heads=(ROOT,), deprels=("root",),
        annotation="gold", scheme="ud",
    )  # fmt: skip
    context, examples = tiny_context("bert"), examples_with_punctuation(4)
    alone = trees(context, [Example("one", go)], decoder=decoder)
    assert alone.rows["value"].isna().all()
    assert alone.items.empty
    together = trees(context, [Example("one", go), *examples], decoder=decoder)
    pd.testing.assert_frame_equal(
        unit_rows(together), unit_rows(trees(context, examples, decoder=decoder))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"selection": "best"}, "held-out or reported"),
        ({"decoder": "eisner"}, "max, arborescence, spanning-tree"),
        ({"root": "none"}, "gold, free"),
        ({"scores": "logits"}, "weights, log"),
        ({"directions": ("up",)}, "dependent->head"),
        ({"directions": ()}, "dependent->head"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        AttentionTrees(tiny_context("bert"), **options)


def test_sentences_without_trees_are_refused():
    context, examples = tiny_context("bert"), examples_with_punctuation(2)
    for bare, message in (
        ({"heads": ()}, "no dependency tree"),
        ({"scheme": "clearnlp"}, "one kind at a time"),
    ):
        other = replace(examples[1], first=replace(examples[1].first, **bare))
        with pytest.raises(AnnotationError, match=message):
            trees(context, [examples[0], other])
