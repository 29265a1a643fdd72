from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from attention_oracle import punctuated_examples
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import ConfigError
from subprobe.probes.attention.attention_stats import METRICS, AttentionStats
from subprobe.probes.forward.base import BatchView
from subprobe.probes.forward.shared_pass import run_probes
from tiers import mostly_slow

KEY = ["layer", "head", "metric"]


def stats(context, examples, *, queries="all", batch_size=4):
    return run_probes(
        context, examples, [AttentionStats(context, queries=queries)], batch_size=batch_size
    )[0]


def plain_sums(context, example, queries):
    """The same sums by loops over one text at a time [L, H, M], and its number of query rows."""
    seconds = None if example.second is None else [example.second]
    encoded = encode_words(context.tokenizer, [example.first], seconds, max_length=128)[0]
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    context.model.set_attn_implementation("eager")
    with torch.no_grad():
        maps = context.model.base_model(**inputs, output_attentions=True).attentions
    n = len(encoded.input_ids)
    rows = [i for i in range(n) if queries == "all" or not encoded.special[i]]
    sentences = (example.first, example.second)
    marks = [
        word >= 0 and not any(letter.isalnum() for letter in sentences[part].words[word])
        for part, word in zip(encoded.segment_of_piece, encoded.word_of_piece, strict=True)
    ]
    out = np.zeros((len(maps), maps[0].shape[1], len(METRICS)))
    for layer, stack in enumerate(maps):
        for head, grid in enumerate(stack[0].tolist()):
            for i in rows:
                first = grid[i][0] if encoded.special[0] else 0.0
                others = sum(grid[i][j] for j in range(1, n) if encoded.special[j])
                entropy = -sum(a * math.log(a) for a in grid[i] if a > 0)
                out[layer, head] += (
                    first,
                    others,
                    first + others,
                    sum(grid[i][j] for j in range(n) if marks[j]),
                    grid[i][i - 1] if i else 0.0,
                    grid[i][i + 1] if i + 1 < n else 0.0,
                    grid[i][i],
                    sum(abs(i - j) * grid[i][j] for j in range(n)),
                    entropy,
                    0.0,
                )
            if encoded.special[0]:
                out[layer, head, -1] = -sum(a * math.log(a) for a in grid[0] if a > 0)
    return out, np.array([len(rows)] * (len(METRICS) - 1) + [int(encoded.special[0])])


@pytest.mark.parametrize("queries", ["all", "words"])
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", mostly_slow(["bert", "roberta", "deberta", "albert"], ["bert"]))
def test_agrees_with_loops_over_single_texts(family, pairs, queries):
    context, examples = tiny_context(family), punctuated_examples(20, pairs=pairs)
    result = stats(context, examples, queries=queries)
    expected = [plain_sums(context, example, queries) for example in examples]
    items = result.items
    assert list(items["item_id"].unique()) == [example.id for example in examples]
    numerators = items["numerator"].to_numpy(float).reshape(20, *expected[0][0].shape)
    np.testing.assert_allclose(numerators, [sums for sums, _ in expected], atol=1e-6)
    value = sum(sums for sums, _ in expected) / sum(n for _, n in expected)
    rows = result.rows
    heads, layers = (rows.loc[rows["unit"] == unit, "value"] for unit in ("head", "layer"))
    np.testing.assert_allclose(heads.to_numpy(float), value.ravel(), atol=1e-6)
    np.testing.assert_allclose(layers.to_numpy(float), value.mean(axis=1).ravel(), atol=1e-6)
    assert value.std() > 1e-3


def test_rows_are_a_function_of_items():
    context = with_dead_heads(tiny_context("bert"), [(0, 2)])
    result = stats(context, random_examples(6))
    sums = result.items.groupby(KEY)[["numerator", "denominator"]].sum().astype(float)
    value = sums["numerator"] / sums["denominator"]
    rows = result.rows[result.rows["unit"] == "head"]
    layers = result.rows[result.rows["unit"] == "layer"].set_index(["layer", "metric"])["value"]
    mean = value.groupby(["layer", "metric"]).mean()
    np.testing.assert_allclose(layers.loc[mean.index].astype(float), mean)
    rows = rows.set_index(KEY)["value"].dropna().astype(float)
    pd.testing.assert_series_equal(rows.sort_index(), value.sort_index(), check_names=False)


def batch_of(maps, real, special):
    """A batch without a model: B texts whose maps are given."""
    B, S = real.shape
    examples = tuple(random_examples(B))
    empty = torch.zeros(B, S, 0, dtype=maps.dtype)
    return BatchView(
        np.arange(B), examples, {}, real, special, torch.full(real.shape, -1), ((),) * B,
        empty.transpose(1, 2), empty,
    )  # fmt: skip


def result_on(maps, real, special, **options):
    """Statistics of one layer of given maps [B, H, S, S]."""
    context = tiny_context("bert", layers=1, heads=maps.shape[1])
    probe = AttentionStats(context, **options)
    probe.begin(batch_of(maps, real, special))
    probe.layer(0, maps)
    probe.end()
    return probe.result()


LENGTHS = (3, 7, 10)


def given_batch(kind):
    """Uniform or identity maps of texts of three lengths, padded to 10, with 2 specials each."""
    real = torch.arange(10)[None] < torch.tensor(LENGTHS)[:, None]
    special = torch.zeros_like(real)
    special[:, 0] = True
    special[torch.arange(3), torch.tensor(LENGTHS) - 1] = True
    maps = torch.zeros(3, 4, 10, 10, dtype=torch.float64)
    for row, n in enumerate(LENGTHS):
        maps[row, :, :n, :n] = 1 / n if kind == "uniform" else torch.eye(n, dtype=torch.float64)
        maps[row, :, n:, :n] = 1 / n  # padding looks somewhere too, and must not count
    return maps, real, special


@pytest.mark.parametrize("queries", ["all", "words"])
def test_uniform_maps_equal_the_uniform_baseline(queries):
    result = result_on(*given_batch("uniform"), queries=queries)
    rows = result.rows
    np.testing.assert_allclose(
        rows["value"].astype(float), rows["baseline_value"].astype(float), rtol=1e-12
    )
    weights = np.array(LENGTHS) - (0 if queries == "all" else 2)
    entropy = rows.loc[rows["metric"] == "attention_entropy", "value"].astype(float)
    expected = (weights * np.log(LENGTHS)).sum() / weights.sum()
    np.testing.assert_allclose(entropy, expected, rtol=1e-12)
    first = rows.loc[rows["metric"] == "attention_entropy_first", "value"].astype(float)
    np.testing.assert_allclose(first, np.log(LENGTHS).mean(), rtol=1e-12)


def test_identity_maps_look_at_themselves():
    rows = result_on(*given_batch("identity")).rows
    value = rows[rows["head"] == 0].set_index("metric")["value"].astype(float)
    assert value["attention_to_self"] == 1.0
    assert value["attention_entropy"] == value["attention_entropy_first"] == 0.0
    assert value["attention_distance"] == 0.0
    assert value["attention_to_previous"] == value["attention_to_next"] == 0.0
    assert value["attention_to_first"] == pytest.approx(3 / 20)
    assert value["attention_to_separator"] == pytest.approx(3 / 20)
    assert value["attention_to_special"] == pytest.approx(6 / 20)


def test_result_does_not_depend_on_batch_size_padding_or_order():
    context, examples = tiny_context("bert", double=False), random_examples(12)
    reference = stats(context, examples, batch_size=12)
    for batch_size in (1, 5):
        rows = stats(context, examples, batch_size=batch_size).rows
        np.testing.assert_allclose(
            rows["value"].astype(float), reference.rows["value"].astype(float), atol=1e-5
        )
    backwards = stats(context, examples[::-1], batch_size=5)
    np.testing.assert_allclose(
        backwards.rows["value"].astype(float), reference.rows["value"].astype(float), atol=1e-5
    )
    assert list(backwards.items["item_id"].unique()) == [one.id for one in examples[::-1]]


def test_dead_heads_have_no_value_and_no_items():
    context = with_dead_heads(tiny_context("bert"), [(1, 3)])
    result = stats(context, random_examples(3))
    rows = result.rows[result.rows["unit"] == "head"]
    dead = (rows["layer"] == 1) & (rows["head"] == 3)
    assert dead.sum() == len(METRICS)
    assert rows.loc[dead, "value"].isna().all()
    assert (rows.loc[dead, "n"] == 0).all()
    assert (rows.loc[dead, "flag"] == "dead").all()
    assert rows.loc[~dead, "value"].notna().all()
    items = result.items
    assert not ((items["layer"] == 1) & (items["head"] == 3)).any()
    assert len(items) == 3 * 7 * len(METRICS)


def test_shares_add_up():
    rows = stats(tiny_context("roberta"), random_examples(5)).rows
    value = rows.pivot_table(index=["layer", "head"], columns="metric", values="value").astype(
        float
    )
    value, layers = value.dropna(), rows[rows["unit"] == "layer"]
    total = value["attention_to_first"] + value["attention_to_separator"]
    np.testing.assert_allclose(total, value["attention_to_special"], rtol=1e-9)
    assert value.filter(like="attention_to_").to_numpy().max() <= 1.0
    assert len(value) == 8
    assert set(layers["layer"]) == {0, 1}
    assert layers["head"].isna().all()


def test_unknown_query_rows_are_refused():
    context = tiny_context("bert")
    with pytest.raises(ConfigError, match="choose all or words"):
        AttentionStats(replace(context), queries="some")  # type: ignore[arg-type]


@pytest.mark.parametrize("queries", ["all", "words"])
def test_documents_are_averaged_first_on_request(queries):
    """The mean over documents of the mean over their rows, by loops; a lone text is a document."""
    context, examples = tiny_context("bert"), punctuated_examples(9)
    names = ["b", "a", "", "b", "a", "", "b", "b", "c"]
    examples = [
        replace(one, first=replace(one.first, document=name))
        for one, name in zip(examples, names, strict=True)
    ]
    by_document = {}
    for example, name in zip(examples, names, strict=True):
        by_document.setdefault(name or example.id, []).append(plain_sums(context, example, queries))
    means = {
        name: sum(total for total, _ in texts) / sum(rows for _, rows in texts)
        for name, texts in by_document.items()
    }
    expected = sum(means.values()) / len(means)
    found = {}
    for size in (2, 9):
        probe = AttentionStats(context, queries=queries, averaging="documents")
        (result,) = run_probes(context, examples, [probe], batch_size=size)
        found[size] = result
        rows = result.rows[result.rows["unit"] == "head"]
        assert set(rows["variant"]) == {f"queries={queries};averaging=documents"}
        assert set(rows["n"]) == {5}
        value = rows["value"].to_numpy(float).reshape(*expected.shape)
        np.testing.assert_allclose(value, expected, atol=1e-9)
        assert result.notes["n_documents"] == 5
    # rows are a function of the items, which are documents here
    items = found[9].items
    assert list(dict.fromkeys(items["item_id"])) == ["b", "a", "e2", "e5", "c"]
    sums = items.groupby(["layer", "head", "metric"])[["numerator", "denominator"]].sum()
    ratio = (sums["numerator"] / sums["denominator"]).to_dict()
    for row in found[9].rows[found[9].rows["unit"] == "head"].itertuples():
        assert row.value == pytest.approx(ratio[row.layer, row.head, row.metric])
    plain = stats(context, examples, queries=queries).rows["value"].to_numpy(float)
    assert np.abs(plain - found[9].rows["value"].to_numpy(float)).max() > 1e-3
    # a uniform row is averaged alike
    lengths = {}
    for example, name in zip(examples, names, strict=True):
        n = len(encode_words(context.tokenizer, [example.first], max_length=128)[0].input_ids)
        rows = n if queries == "all" else n - 2
        lengths.setdefault(name or example.id, []).append((rows / n, rows))
    uniform = np.mean([sum(a for a, _ in x) / sum(b for _, b in x) for x in lengths.values()])
    held = found[9].rows[found[9].rows["metric"] == "attention_to_first"]["baseline_value"]
    np.testing.assert_allclose(held.to_numpy(float), uniform)


def test_an_unknown_averaging_is_refused():
    with pytest.raises(ConfigError, match="choose rows or documents"):
        AttentionStats(tiny_context("bert"), averaging="texts")  # type: ignore[arg-type]
