"""Probes whose items come in parts give the same rows and items, and keep no part."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
from probe_cases import random_examples, tiny_context
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.findings.change_statistics import with_statistics
from subprobe.analysis.statistics.row_units import with_n_clusters
from subprobe.analysis.steps.probing import Corpus, probe_model
from subprobe.data.output import item_parts
from subprobe.data.output.item_parts import ItemParts
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward import shared_pass
from subprobe.probes.forward.base import Probe
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.patterns import attention_patterns
from subprobe.probes.patterns.network import shipped_classifier
from subprobe.probes.registry import list_probes
from tiers import mostly_slow
from tiny import tiny_model

pytestmark = pytest.mark.slow

OF_CORPUS = [entry.name for entry in list_probes() if entry.reads == "corpus"]


@pytest.fixture(scope="module")
def ground():
    context = tiny_context("bert")
    sentences = tuple(example.first for example in random_examples(12))
    clusters = {one.id: f"set {k // 3}" for k, one in enumerate(sentences)}
    return context, tiny_model("bert", seed=5).double(), Corpus("c", sentences, clusters)


def probed(ground, name):
    context, other, corpus = ground
    return probe_model(
        context.model, context.tokenizer, None, None, corpus, (), ProbeOptions(names=[name]),
        split="", progress=lambda done, of: None,
        reference=other if name == "attention-change" else None,
    )  # fmt: skip


@pytest.mark.usefixtures("frozen_garbage")
@pytest.mark.parametrize(
    "name", mostly_slow(OF_CORPUS, fast=("attention-stats", "attention-change", "dependency-heads"))
)
def test_parts_of_any_size_are_the_same_items_and_rows(ground, monkeypatch, name):
    whole = probed(ground, name)
    every, rows = whole.items, whole.rows
    monkeypatch.setattr(item_parts, "ITEMS_AT_ONCE", 40)
    output = probed(ground, name)
    pd.testing.assert_frame_equal(rows_frame(output.rows), rows_frame(rows), check_exact=True)
    made, alive, largest = [], 0, 0
    for part in output.parts:
        gc.collect()
        alive = max(alive, sum(one() is not None for one in made))
        largest = max(largest, len(part))
        made.append(weakref.ref(part))
    assert alive <= 1
    assert largest <= max(40, len(every) / 12)
    pd.testing.assert_frame_equal(output.items, items_frame(every), check_exact=True)


def random_items(n=600):
    rng = np.random.default_rng(1)
    text = np.sort(rng.integers(0, 40, n))
    cluster = np.where(text % 3 == 0, None, np.char.add("set ", (text // 5).astype(str)))
    return items_frame(
        pd.DataFrame(
            {
                "probe": "p",
                "sentence_id": np.char.add("s", text.astype(str)),
                "cluster_id": cluster,
                "metric": rng.choice(["a", "b"], n),
                "relation": rng.choice(["x", "y", None], n),
            }
        )
    )


def test_clusters_are_counted_once_over_all_parts():
    items = random_items()
    rows = rows_frame(
        [{"probe": "p", "metric": m, "relation": r} for m in "abc" for r in ("x", "y", None)]
    )
    unit = items["cluster_id"].fillna(items["sentence_id"])
    key = [items["metric"], items["relation"].fillna("")]
    expected = unit.groupby(key).nunique().to_dict()
    parts = ItemParts(lambda: (items[k : k + 17] for k in range(0, len(items), 17)))
    found = with_n_clusters(rows, parts)
    about = zip(found["metric"], found["relation"].fillna(""), strict=True)
    assert [expected.get(key) for key in about] == [
        None if pd.isna(n) else n for n in found["n_clusters"]
    ]
    assert found["n_clusters"].notna().sum() == 6
    assert found.equals(with_n_clusters(rows, items))


def test_intervals_of_items_that_are_cut_inside_a_text(ground):
    output = probed(ground, "attention-change")
    bare = output.rows.drop(columns=["ci_low", "ci_high", "p_value"])
    items = output.items
    cut = ItemParts(lambda: (items[k : k + 301] for k in range(0, len(items), 301)))
    found = with_statistics(bare, cut)
    columns = ["ci_low", "ci_high", "p_value", "p_adjusted"]
    pd.testing.assert_frame_equal(
        found[columns].astype(float), output.rows[columns].astype(float), check_exact=True
    )


class Sizes(Probe):
    """How many texts each batch has, and their subwords."""

    name = "sizes"
    needs_attention = True

    def __init__(self):
        self.seen = []

    def begin(self, batch):
        self.seen.append(batch.real.shape)

    def result(self):
        return self.seen


def batches(context, corpus):
    sizes = Sizes()
    run_probes(context, corpus.examples, [sizes])
    return sizes.seen


def test_batches_of_long_texts_are_smaller(ground, monkeypatch):
    context, _, corpus = ground
    assert len(batches(context, corpus)) == 1
    cells = 3 * context.anatomy.num_heads * 20**2
    monkeypatch.setattr(shared_pass, "MAPS_BYTES", 4 * cells)
    seen = batches(context, corpus)
    assert sum(texts for texts, _ in seen) == len(corpus.examples)
    assert max(texts for texts, _ in seen) > 1
    for texts, length in seen:
        assert texts == 1 or texts * context.anatomy.num_heads * length**2 <= cells


def test_maps_are_classified_in_blocks(ground, monkeypatch):
    whole = probed(ground, "attention-patterns").items
    seen = []
    classifier = shipped_classifier()
    real = type(classifier).classify

    def classify(self, maps):
        seen.append(maps.numel())
        return real(self, maps)

    monkeypatch.setattr(type(classifier), "classify", classify)
    most = 2 * 36**2
    monkeypatch.setattr(attention_patterns, "_CELLS_AT_ONCE", most)
    blocks = probed(ground, "attention-patterns").items
    assert max(seen) <= most
    pd.testing.assert_frame_equal(blocks, whole, rtol=1e-6)
