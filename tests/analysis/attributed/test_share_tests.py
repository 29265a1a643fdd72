"""Attributions against the share expected from frequency, and the families of their tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from probe_cases import random_examples, tiny_context
from subprobe.analysis.attributed.share_tests import FEW, attribution_tests
from subprobe.analysis.steps.probing import clustered, clusters_of
from subprobe.data.sentences.sentence import ROOT
from subprobe.probes.attribution.attributions import attribute_words, run_attributions
from subprobe.probes.attribution.word_kinds import marked

N = 12


@pytest.fixture(scope="module")
def read():
    """Examples in clusters of two, what was found, and the words' attributions by method."""
    context = tiny_context("bert", "classification")
    examples = [
        replace(example, cluster=f"c{number // 2}")
        for number, example in enumerate(random_examples(N))
    ]
    methods = ("integrated-gradients", "saliency")
    found = run_attributions(context, examples, method=methods, n_steps=4, permutations=50)
    words = {m: attribute_words(context, examples, method=m, n_steps=4) for m in methods}
    return examples, clustered(found, clusters_of(examples)), words


def test_shares_stand_beside_the_frequency_of_words(read):
    examples, result, words = read
    rows = attribution_tests(result)
    for method, scores in words.items():
        table = rows[rows["variant"].str.startswith(method)]
        for tag in ("NOUN", "VERB", "DET"):
            share, expected = np.zeros(N), np.zeros(N)
            for number, (example, one) in enumerate(zip(examples, scores, strict=True)):
                is_tag = np.array(example.first.upos) == tag
                sizes = np.abs(one.words)
                share[number] = sizes[is_tag].sum() / sizes.sum()
                expected[number] = is_tag.mean()
            mine = table[(table["metric"] == "attribution_share_by_upos")
                         & (table["relation"] == tag)].set_index("baseline")  # fmt: skip
            assert list(mine.index) == ["permutation", "frequency"]
            row = mine.loc["frequency"]
            assert row["value"] == pytest.approx(share.mean())
            assert row["baseline_value"] == pytest.approx(expected.mean())
            assert (row["n"], row["n_clusters"]) == (N, N // 2)
            assert row["ci_low"] < row["value"] < row["ci_high"]
            by_cluster = (share - expected).reshape(-1, 2).sum(axis=1)
            signs = 1 - 2 * ((np.arange(2**6)[:, None] >> np.arange(6)) & 1)
            exact = (np.abs(signs @ by_cluster) >= abs(by_cluster.sum()) - 1e-12).mean()
            assert row["p_value"] == pytest.approx(exact, abs=0.03)
            having = expected > 0
            row = mine.loc["permutation"]
            assert row["value"] == pytest.approx(share[having].mean())
            assert row["baseline_value"] == pytest.approx(expected[having].mean())


def test_a_family_is_one_way_of_sorting_words(read):
    _, result, _ = read
    rows = attribution_tests(result, "fdr_bh")
    for _, family in rows.groupby(["variant", "metric", "baseline"]):
        tested = family[family["p_value"].notna()]
        assert (tested["family_size"] == len(tested)).all()
        assert (tested["p_adjusted"] >= tested["p_value"]).all()
        assert (tested["correction"] == "Benjamini-Hochberg").all()
    few = rows[rows["flag"] == FEW]
    assert len(few)
    assert few[["p_value", "p_adjusted"]].isna().all(axis=None)
    permuted = rows[(rows["baseline"] == "permutation") & (rows["n"] >= 6)]
    assert permuted["p_value"].notna().all()


def test_families_that_permutations_or_clusters_keep_from_05_say_so(read):
    _, result, _ = read
    rows = attribution_tests(result)
    tested = rows[rows["p_value"].notna()]
    # 50 permutations give 1 / 51 at best, six clusters 2 ** -5
    for baseline, floor in (("permutation", 1 / 51), ("frequency", 2**-5)):
        for _, family in tested[tested["baseline"] == baseline].groupby(["variant", "metric"]):
            least = floor * len(family)
            said = (
                f"smallest possible corrected p is {least:.3g}: {len(family)} tests, each with "
                f"p >= {floor:.3g}"
            )
            assert (family["flag"] == said).all() if least > 0.05 else family["flag"].isna().all()
    sizes = tested.groupby("baseline")["family_size"]
    assert sizes.min()["permutation"] <= 2
    assert sizes.max()["permutation"] > 2
    assert attribution_tests(result, "fdr_bh")["flag"].dropna().isin([FEW, "degenerate"]).all()


def test_kinds_of_a_tree_by_hand():
    example = random_examples(1)[0].first
    sentence = replace(
        example, words=("Old", "men", "in", "Rome", "slept"), text=None, xpos=(), feats=(),
        upos=("ADJ", "NOUN", "ADP", "PROPN", "VERB"), heads=(1, 4, 3, 1, ROOT),
        deprels=("amod", "nsubj:pass", "case", "nmod", "root"),
        entities=("O", "O", "O", "B-GPE", "O"),
    )  # fmt: skip
    assert marked([sentence]) == {
        "upos": ["ADJ", "NOUN", "ADP", "PROPN", "VERB"],
        "deprel": ["amod", "nsubj", "case", "nmod", "root"],
        "entity": ["none", "none", "none", "GPE", "none"],
        "depth": ["2", "1", "3", "2", "0"],
        "root_distance": ["3-5", "3-5", "2", "1", "0"],
    }
    bare = replace(sentence, heads=(), entities=())
    assert set(marked([sentence, bare])) == {"upos", "deprel"}
