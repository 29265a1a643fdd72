"""Sentences without what a probe needs leave that probe, counted, and change no other number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from probe_cases import random_examples, tiny_context
from subprobe.data.errors import AnnotationError
from subprobe.data.sentences.sentence import Sentence
from subprobe.probes.named import run_named_probes
from subprobe.probes.registry import PROBES

OPTIONS = {"dependency-heads": {"min_count": 1}, "attributions": {"n_steps": 2, "permutations": 9}}
KEYS = ["unit", "layer", "head", "direction", "relation", "target", "metric", "baseline"]
NO_PARSE = ("attention-stats", "head-distances", "norms", "rollout")


def found(names, examples, head=None):
    return dict(
        zip(
            names,
            run_named_probes(tiny_context("bert", head), examples, names, options=OPTIONS),
            strict=True,
        )
    )


def with_first(examples, place, **changed):
    """The same examples, the one at `place` with other layers."""
    one = examples[place]
    changed_one = replace(one, first=replace(one.first, **changed))
    return [*examples[:place], changed_one, *examples[place + 1 :]]


def same_values(rows, others):
    pd.testing.assert_frame_equal(
        rows[[*KEYS, "value", "n", "baseline_value"]].reset_index(drop=True),
        others[[*KEYS, "value", "n", "baseline_value"]].reset_index(drop=True),
        rtol=1e-9,
    )


def test_a_sentence_without_heads_leaves_what_needs_them_and_nothing_else():
    examples = random_examples(10)
    names = ["attention-stats", "dependency-heads", "attention-trees"]
    mixed = with_first(examples, 3, heads=(), deprels=())
    gap, without, whole = (
        found(names, some) for some in (mixed, examples[:3] + examples[4:], examples)
    )
    same_values(gap["attention-stats"].rows, whole["attention-stats"].rows)
    lost = len(examples[3].first.words) - 1
    for name in names[1:]:
        same_values(gap[name].rows, without[name].rows)
        assert (gap[name].rows["n_dropped"] == without[name].rows["n_dropped"] + lost).all()
        assert gap[name].notes[f"{name}_n_without_heads"] == 1
        pd.testing.assert_frame_equal(gap[name].items, without[name].items)
    assert "attention-stats_n_without_heads" not in gap["attention-stats"].notes


def test_heads_alone_serve_unlabelled_trees():
    examples = random_examples(10)
    bare = [replace(one, first=replace(one.first, deprels=(), upos=())) for one in examples]
    names = ["dependency-heads", "attention-trees"]
    whole, unlabelled = found(names, examples), found(names, bare)
    arcs = unlabelled["dependency-heads"].rows
    assert set(arcs["relation"]) == {"all"}
    expected = whole["dependency-heads"].rows
    same_values(arcs, expected[expected["relation"] == "all"])
    trees, expected = unlabelled["attention-trees"].rows, whole["attention-trees"].rows
    labelled = ~trees["metric"].str.contains("no_punct")
    same_values(trees[labelled], expected[labelled.to_numpy()])
    # without tags nobody knows what is punctuation
    assert trees.loc[~labelled, "value"].isna().all()
    assert (trees.loc[~labelled, "n"] == 0).all()


def test_relations_and_tags_are_missed_only_where_they_are_used():
    examples = random_examples(10)
    rest, lost = examples[:3] + examples[4:], len(examples[3].first.words) - 1
    # chosen and scored on all sentences: no half depends on what is left out
    reported: dict[str, dict[str, Any]] = {
        "dependency-heads": {"min_count": 1, "selection": "reported"},
        "attention-trees": {"selection": "reported"},
    }

    def rows(name, some):
        (result,) = run_named_probes(tiny_context("bert"), some, [name], options=reported)
        return result.rows

    found_, whole, without = (
        rows("dependency-heads", some)
        for some in (with_first(examples, 3, deprels=()), examples, rest)
    )
    pool = found_["relation"] == "all"
    same_values(found_[pool], whole[whole["relation"] == "all"])
    same_values(found_[~pool], without[without["relation"] != "all"])
    assert (found_.loc[pool, "n_dropped"] == 0).all()
    assert (found_.loc[~pool, "n_dropped"] == lost).all()
    found_, whole, without = (
        rows("attention-trees", some) for some in (with_first(examples, 3, upos=()), examples, rest)
    )
    bare = found_["metric"].str.contains("no_punct")
    same_values(found_[~bare], whole[~bare.to_numpy()])
    same_values(found_[bare], without[bare.to_numpy()])
    assert (found_.loc[~bare, "n_dropped"] == 0).all()
    assert (found_.loc[bare, "n_dropped"] == lost).all()


def test_an_example_without_a_tree_or_with_an_empty_text_is_not_attributed():
    examples = random_examples(6, pairs=True)
    empty = Sentence("empty", (), text="", annotation="gold", scheme="ud")
    mixed = [*examples[:2], replace(examples[2], second=empty), *examples[3:]]
    mixed[4] = replace(mixed[4], second=replace(mixed[4].second, upos=()))
    (gap,), (rest,) = (
        found(["attributions"], some, "classification").values()
        for some in (mixed, [examples[i] for i in (0, 1, 3, 5)])
    )
    pd.testing.assert_frame_equal(gap.items, rest.items, rtol=1e-6)
    shares = gap.rows[gap.rows["metric"] == "attribution_share"]
    assert (shares["n_dropped"] == 2).all()
    assert (shares["n"] <= 4).all()
    assert gap.notes["attributions_n_without_upos"] == 1
    assert gap.notes["attributions_n_without_words"] == 1


def test_an_empty_text_leaves_every_probe():
    examples = random_examples(6)
    names = list(NO_PARSE)
    empty = Sentence("empty", (), text="", annotation="gold", scheme="ud")
    gap = found(names, [*examples, replace(examples[0], id="empty", first=empty)])
    rest = found(names, examples)
    for name in names:
        same_values(gap[name].rows, rest[name].rows)
        assert (gap[name].rows["n_dropped"] == 1).all()
        assert gap[name].notes[f"{name}_n_without_words"] == 1


@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [
        ("attention-trees", "heads", "attention-trees: none of the 4 texts can be read: they have "
         "no dependency tree"),
        ("dependency-heads", "heads", "no dependency tree"),
        ("attention-change", "upos", "no universal tags"),
        ("attention-change", "deprels", "no relations"),
    ],
)  # fmt: skip
def test_a_corpus_without_any_is_refused_with_the_way_out(name, layer, said):
    nothing: dict[str, Any] = {layer: ()}
    bare = [replace(one, first=replace(one.first, **nothing)) for one in random_examples(4)]
    with pytest.raises(AnnotationError, match=rf"{said}.*`reparse`"):
        found([name], bare)


def test_gold_and_silver_are_never_one_figure():
    examples = with_first(random_examples(4), 1, annotation="silver")
    for name in ("attention-stats", "dependency-heads", "attention-change"):
        with pytest.raises(AnnotationError, match=r"silver ud .*among gold ud"):
            found([name], examples)


def test_what_probes_need_is_what_they_read():
    needs = {name: (entry.needs, entry.uses) for name, entry in PROBES.items()}
    assert needs["dependency-heads"] == (("heads",), ("deprels",))
    assert needs["attention-trees"] == (("heads",), ("upos",))
    assert needs["attributions"] == (("deprels", "upos"), ("heads",))
    assert needs["attention-change"] == (("deprels", "upos"), ())
    bare = [
        replace(one, first=Sentence(one.first.id, one.first.words)) for one in random_examples(4)
    ]
    for name, result in found(NO_PARSE, bare).items():
        assert needs[name] == ((), ())
        assert np.isfinite(result.rows["value"].astype(float)).any()
