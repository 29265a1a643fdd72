from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from scipy.stats import kendalltau
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.findings.null_tests import with_null_tests
from subprobe.analysis.steps.finishing import finished
from subprobe.data.encoding.alignment import encode_texts
from subprobe.data.errors import ConfigError, InputError, UnknownNameError
from subprobe.data.sentences.sentence import Sentence
from subprobe.data.tasks.task import TaskSpec
from subprobe.probes.attribution.settings import METHODS, AttributionSettings
from subprobe.probes.attribution.word_scores import word_scores
from subprobe.probes.faithfulness.chosen_words import PERCENTS
from subprobe.probes.faithfulness.faithfulness import NAME, read_losses, run_faithfulness
from subprobe.probes.faithfulness.packed_reading import PackedReader
from subprobe.probes.forward.texts import read_texts
from tiers import mostly_slow
from tiny import FAMILIES

FEW: dict[str, Any] = {
    "n_steps": 3,
    "random_draws": 2,
    "infidelity_draws": 3,
    "sensitivity_draws": 2,
}
GRADIENT = ("input-x-gradient",)


def encoded_pieces(context, example):
    """Ids, token types and the words of the pieces of one text, in a list each."""
    seconds = [example.second] if example.second else None
    one = encode_texts(context.tokenizer, [example.first], seconds, max_length=128)[0]
    words = list(zip(one.segment_of_piece, one.word_of_piece, strict=True))
    return list(one.input_ids), one.token_type_ids, words


def plain_logits(context, example, gone):
    """Logits of one text without some words, read alone and from ids."""
    ids, types, words = encoded_pieces(context, example)
    kept = [place for place, word in enumerate(words) if word not in gone]
    inputs = {"input_ids": torch.tensor([[ids[place] for place in kept]])}
    if types is not None:
        inputs["token_type_ids"] = torch.tensor([[types[place] for place in kept]])
    with torch.no_grad():
        return context.model(**inputs).logits[0].numpy()


def plain_eraser(context, example, scores, label):
    """Comprehensiveness and sufficiency by share, and leave-one-out, one text at a time."""
    _, _, words = encoded_pieces(context, example)
    every = list(dict.fromkeys(word for word in words if word[1] >= 0))
    assert len(every) == len(scores)
    ranked = [every[place] for place in sorted(range(len(every)), key=lambda i: -scores[i])]

    def probability(gone):
        logits = plain_logits(context, example, gone)
        return np.exp(logits[label]) / np.exp(logits).sum()

    whole, found = probability([]), []
    for percent in PERCENTS:
        top = ranked[: int(np.ceil(round(percent * len(every) / 100, 9)))]
        rest = [word for word in every if word not in top]
        found.append((whole - probability(top), whole - probability(rest)))
    effects = [
        plain_logits(context, example, [])[label] - plain_logits(context, example, [word])[label]
        for word in every
    ]
    return np.array(found).T, np.array(effects)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ["bert", "roberta"]))
def test_numbers_are_those_of_single_texts(family, pairs):
    context, examples = tiny_context(family, "classification"), random_examples(3, pairs=pairs)
    result = run_faithfulness(context, examples, method=GRADIENT, **FEW)
    texts = read_texts(context, examples)
    found = word_scores(context, texts, AttributionSettings(*GRADIENT))
    items = result.items.assign(relation=result.items["relation"].fillna(""))
    items = items.set_index(["item_id", "metric", "relation"])["numerator"]
    for example, one in zip(examples, found, strict=True):
        (without, alone), effects = plain_eraser(context, example, one.words, one.predicted)
        expected = {
            ("comprehensiveness_aopc", ""): without.mean(),
            ("sufficiency_aopc", ""): alone.mean(),
            ("loo_tau", ""): kendalltau(one.words, effects).statistic,
            ("loo_tau_absolute", ""): kendalltau(np.abs(one.words), np.abs(effects)).statistic,
        }
        for place, percent in enumerate(PERCENTS):
            expected["comprehensiveness", f"{percent}%"] = without[place]
            expected["sufficiency", f"{percent}%"] = alone[place]
        said = {key: items[(example.id, *key)] for key in expected}
        assert said == pytest.approx(expected, abs=1e-6)
        assert np.abs(without).max() > 1e-3


@pytest.fixture(scope="module")
def several():
    """What several methods are worth on a masked model."""
    context = with_dead_heads(tiny_context("bert", "classification"), [(0, 0), (1, 2)])
    methods = ("integrated-gradients", "saliency", "feature-ablation")
    return run_faithfulness(context, random_examples(7), method=methods, **FEW)


def test_rows_are_means_of_their_items_and_name_method_and_settings(several):
    items = several.items.assign(relation=several.items["relation"].fillna(""))
    groups = dict(list(items.groupby(["metric", "variant", "relation"])))
    rows = several.rows.assign(relation=several.rows["relation"].fillna(""))
    assert len(rows) == len(groups) == 3 * (2 * (len(PERCENTS) + 2) + 4)
    for row in rows.itertuples():
        own = groups[row.metric, row.variant, row.relation]
        assert row.n == len(own) == 7
        assert row.value == pytest.approx(own["numerator"].mean())
        if row.metric == "max_sensitivity":
            assert own["score"].isna().all()
        else:
            assert row.baseline_value == pytest.approx(own["score"].mean())
    said = set(rows["variant"])
    assert "integrated-gradients;n_steps=3;baseline=pad;removal=delete" in said
    assert "saliency;infidelity_radius=1;infidelity_draws=3" in said
    assert "feature-ablation;baseline=pad;sensitivity_radius=0.02;sensitivity_draws=2" in said
    nulls = {"random attribution", "random words of equal length"}
    assert set(rows["baseline"].dropna()) == nulls
    # every method is compared with the same draws
    assert rows.loc[rows["metric"] == "loo_tau", "baseline_value"].nunique() == 1


def test_a_row_says_which_way_is_better_and_is_tested_against_its_null_text_by_text(several):
    rows = finished(several, ProbeOptions(names=(NAME,)))
    better = dict(zip(rows["metric"], rows["better"], strict=True))
    assert better["comprehensiveness_aopc"] == better["loo_tau"] == "higher"
    assert {better[one] for one in ("sufficiency", "infidelity", "max_sensitivity")} == {"lower"}
    assert rows["ci_low"].notna().all()
    row = rows[rows["metric"] == "comprehensiveness_aopc"].iloc[0]
    items = several.items
    own = items[(items["metric"] == row["metric"]) & (items["variant"] == row["variant"])]
    gaps = (own["numerator"] - own["score"]).to_numpy(dtype=float)
    signs = 1 - 2 * ((np.arange(2**7)[:, None] >> np.arange(7)) & 1)
    extreme = np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-12
    assert row["p_value"] == pytest.approx(extreme.mean())
    assert rows.loc[rows["relation"].notna(), "p_value"].isna().all()
    # three methods, with both means, both of equal length, both taus and infidelity
    assert set(rows["family_size"].dropna()) == {3 * 7}


def test_texts_of_one_source_are_one_unit_of_the_test(several):
    few = several.rows[several.rows["metric"] == "infidelity"]
    together = several.item_parts.mapped(
        lambda part: part[part["metric"] == "infidelity"].assign(cluster_id="one source")
    )
    clustered = replace(several, rows=few, make_items=lambda: together)
    assert with_null_tests(clustered, "holm")["p_value"].isna().all()


def test_words_of_equal_length_are_what_the_controlled_form_subtracts():
    context, examples = tiny_context("bert", "classification"), random_examples(3)
    texts = read_texts(context, examples)
    found = [word_scores(context, texts, AttributionSettings(*GRADIENT))]
    losses = read_losses(context, texts, found, removal="delete", draws=2, seed=5, batch_size=16)
    result = run_faithfulness(context, examples, method=GRADIENT, seed=5, **FEW)
    items = result.items.set_index(["metric", "item_id"])["numerator"]
    for example, one in zip(examples, losses, strict=True):
        for metric, part in (("comprehensiveness", "without"), ("sufficiency", "alone")):
            gap = getattr(one.of_scores, part)[0].mean() - getattr(one.of_length, part).mean()
            assert items[f"{metric}_length_controlled", example.id] == pytest.approx(gap)


def test_numbers_do_not_depend_on_batches_or_order():
    context, examples = tiny_context("bert", "classification"), random_examples(5)
    given: dict[str, Any] = {**FEW, "method": ("gradient-shap", "input-x-gradient"), "n_samples": 3}
    reference = run_faithfulness(context, examples, **given)
    other = run_faithfulness(context, examples[::-1], batch_size=2, internal_batch_size=3, **given)
    names = ["item_id", "metric", "variant", "relation"]
    one, two = (
        found.items.fillna({"relation": ""}).sort_values(names) for found in (reference, other)
    )
    for column in ("numerator", "score"):
        values = [frame[column].to_numpy(dtype=float, na_value=np.nan) for frame in (one, two)]
        np.testing.assert_allclose(values[0], values[1], atol=1e-6)


def test_max_sensitivity_reads_some_of_the_texts():
    context, examples = tiny_context("bert", "classification"), random_examples(5)
    result = run_faithfulness(
        context, examples, method=("saliency",), sensitivity_examples=2, **FEW
    )
    row = result.rows[result.rows["metric"] == "max_sensitivity"].iloc[0]
    assert (row["n"], row["n_dropped"]) == (2, 3)
    items = result.items
    read = items[items["metric"] == "max_sensitivity"]["item_id"]
    assert list(read) == [examples[0].id, examples[4].id]


@pytest.mark.parametrize("method", mostly_slow(METHODS, ["gradient-shap"]))
def test_every_method_has_every_number(method):
    context, examples = tiny_context("bert", "classification"), random_examples(3)
    rows = run_faithfulness(context, examples, method=(method,), n_samples=3, **FEW).rows
    assert len(rows) == 2 * (len(PERCENTS) + 2) + 4
    assert rows["value"].notna().all()
    assert rows["variant"].str.startswith(method).all()


def test_a_model_that_reads_nothing_has_no_tau():
    every = [(layer, head) for layer in range(2) for head in range(4)]
    context = with_dead_heads(tiny_context("bert", "classification"), every)
    rows = run_faithfulness(context, random_examples(3), **FEW).rows.set_index("metric")
    assert rows.loc["loo_tau", "flag"] == "degenerate"
    assert rows.loc["loo_tau", "n"] == 0
    assert abs(rows.loc["comprehensiveness_aopc", "value"]) < 1e-12


def test_the_model_is_left_as_it_was_after_an_error(monkeypatch):
    context = with_dead_heads(tiny_context("bert", "classification"), [(0, 0)])
    hooks = hooks_on(context.model)

    def stop(*_given):
        raise RuntimeError("stopped")

    monkeypatch.setattr(PackedReader, "logits", stop)
    with pytest.raises(RuntimeError, match="stopped"):
        run_faithfulness(context, random_examples(2), **FEW)
    assert hooks_on(context.model) == hooks
    assert all(parameter.requires_grad for parameter in context.model.parameters())


def test_bad_input_is_refused():
    examples = random_examples(2)
    context = tiny_context("bert", "classification")
    with pytest.raises(InputError, match="needs a model with a task head"):
        run_faithfulness(tiny_context("bert"), examples)
    with pytest.raises(InputError, match="this head predicts a number"):
        run_faithfulness(tiny_context("bert", "classification", num_labels=1), examples)
    pair = TaskSpec("mrpc", ("no", "yes"), "accuracy", ("accuracy",), pair=True)
    with pytest.raises(InputError, match="pair model needs `task`"):
        run_faithfulness(replace(context, spec=pair), examples)
    with pytest.raises(UnknownNameError, match="attribution method"):
        run_faithfulness(context, examples, method=("lime",))
    with pytest.raises(ConfigError, match="contains duplicates"):
        run_faithfulness(context, examples, method=("saliency", "saliency"))
    with pytest.raises(InputError, match="label 7 is not a class of the model"):
        run_faithfulness(context, [replace(examples[0], label=7)], target="gold")


def test_a_text_that_truncation_emptied_is_named():
    context = replace(tiny_context("bert", "classification"), max_length=20)
    examples = random_examples(2)
    long = Sentence("long", ("xqzj" * 9,))
    with pytest.raises(InputError, match="'e1': truncation left no whole word"):
        run_faithfulness(context, [examples[0], replace(examples[1], first=long)], **FEW)
