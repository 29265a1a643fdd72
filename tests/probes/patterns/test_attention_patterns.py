from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from attention_oracle import plain_text
from pattern_oracle import plain_features
from probe_cases import random_examples, random_sentence, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.data.sentences.sentence import Example
from subprobe.probes.forward.batch import batch_view, keep_words
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.forward.texts import encode_examples
from subprobe.probes.patterns.attention_patterns import AttentionPatterns
from subprobe.probes.patterns.classes import PATTERNS, SHORTEST
from subprobe.probes.patterns.network import shipped_classifier
from subprobe.probes.patterns.rules import rule_patterns

DEAD = [(0, 1), (1, 0), (1, 2)]


def patterns(context, examples, *, batch_size=7, **options):
    return run_probes(
        context, examples, [AttentionPatterns(context, **options)], batch_size=batch_size
    )[0]


def long_examples(n, low=8):
    return [Example(id=f"long{i}", first=random_sentence(f"s{i}", i, low=low)) for i in range(n)]


def plain_shares(context, examples):
    """Patterns one map at a time, and their shares by loops."""
    classifier = shipped_classifier()
    found = []
    for example in examples:
        text = plain_text(context, example)
        if text.n < SHORTEST:
            continue
        for layer, head in zip(*np.nonzero(context.alive), strict=True):
            raw = text.attention[layer][head]
            length = [np.linalg.norm(text.parts[layer]["f"][head, j]) for j in range(text.n)]
            norm = np.array([[raw[i, j] * length[j] for j in range(text.n)]
                             for i in range(text.n)])  # fmt: skip
            for variant, grid in (("raw", raw), ("norm", norm)):
                features = torch.tensor([plain_features(grid)], dtype=torch.float64)
                chances = classifier.probabilities(features)[0].numpy()
                rule = int(rule_patterns(torch.tensor(grid)[None])[0])
                found.append((example.id, variant, layer, head, chances, rule))
    return found


@pytest.fixture(scope="module", params=[(6, 2), pytest.param((16, 4), marks=pytest.mark.slow)])
def some(request):
    long, short = request.param
    context = with_dead_heads(tiny_context("bert"), DEAD)
    examples = [*long_examples(long), *random_examples(short)]
    return context, examples, patterns(context, examples)


def test_agrees_with_loops_over_single_texts(some):
    context, examples, result = some
    plain = plain_shares(context, examples)
    items = result.items.set_index(["item_id", "metric", "layer", "head"])
    assert len(items) == len(plain)
    for name, variant, layer, head, chances, rule in plain:
        item = items.loc[(name, f"{variant}_map", layer, head)]
        assert item["prediction"] == chances.argmax()
        assert item["relation"] == PATTERNS[chances.argmax()]
        assert item["score"] == pytest.approx(chances.max(), abs=1e-6)
        assert item["gold"] == rule
    threshold = shipped_classifier().threshold
    rows = result.rows
    for (variant, layer, head), maps in pd.DataFrame(
        [(v, la, h, c.argmax(), c.max()) for _, v, la, h, c, _ in plain],
        columns=["variant", "layer", "head", "pattern", "chance"],
    ).groupby(["variant", "layer", "head"]):
        chosen = rows[(rows["unit"] == "head") & (rows["variant"] == variant)
                      & (rows["layer"] == layer) & (rows["head"] == head)]  # fmt: skip
        value = chosen.set_index(["metric", chosen["relation"].fillna("")])["value"]
        sure = maps[maps["chance"] >= threshold]
        for k, pattern in enumerate(PATTERNS):
            share = (maps["pattern"] == k).mean()
            assert value["pattern_share", pattern] == pytest.approx(share, abs=1e-6)
            if len(sure):
                share = (sure["pattern"] == k).mean()
                assert value["confident_share", pattern] == pytest.approx(share, abs=1e-6)
        rate = 1 - len(sure) / len(maps)
        assert value["abstention_rate", ""] == pytest.approx(rate, abs=1e-6)


def test_dead_heads_have_no_pattern_and_are_in_no_share(some):
    context, _, result = some
    rows = result.rows
    heads = rows[rows["unit"] == "head"]
    dead = ~context.alive[heads["layer"].astype(int), heads["head"].astype(int)]
    assert heads.loc[dead, "value"].isna().all()
    assert (heads.loc[dead, "flag"] == "dead").all()
    assert (heads.loc[dead, "n"] == 0).all()
    assert heads.loc[~dead & (heads["metric"] == "pattern_share"), "value"].notna().all()
    shares = rows[rows["metric"] == "pattern_share"]
    one = shares.groupby(["variant", "unit", "layer", "head"], dropna=False)["value"].sum()
    living = shares.groupby(["variant", "unit", "layer", "head"], dropna=False)["n"].max() > 0
    np.testing.assert_allclose(one[living].astype(float), 1, atol=1e-12)
    whole = shares[(shares["unit"] == "model") & (shares["variant"] == "raw")]
    texts = result.notes["n_texts"] - result.notes["n_short_texts"]
    assert (whole["n"] == context.alive.sum() * texts).all()


def test_rows_are_a_function_of_items(some):
    _, _, result = some
    items = result.items
    for variant in ("raw", "norm"):
        maps = items[items["metric"] == f"{variant}_map"]
        rows = result.rows[(result.rows["variant"] == variant)
                           & (result.rows["metric"] == "pattern_share")]  # fmt: skip
        for keys in (["layer", "head"], ["layer"]):
            unit = rows[rows["unit"] == keys[-1]].set_index([*keys, "relation"])["value"].dropna()
            share = maps.groupby(keys)["relation"].value_counts(normalize=True)
            expected = share.reindex(unit.index, fill_value=0)
            np.testing.assert_allclose(unit.astype(float), expected.astype(float), atol=1e-12)


def test_padding_does_not_enter_at_all():
    """Two batches: one text alone, and the same maps in a wide batch full of rubbish."""
    context = tiny_context("bert")
    examples = [*long_examples(1), *long_examples(3, low=13)[1:]]
    encoded = encode_examples(context, examples)
    words = [keep_words(one) for one in encoded]
    found = []
    n = len(encoded[0].input_ids)
    maps = torch.from_numpy(np.random.default_rng(0).dirichlet(np.full(n, 0.3), (1, 4, n)))
    for chosen in ([0], [0, 1, 2]):
        batch = batch_view(context, examples, encoded, words, np.array(chosen))
        S = batch.real.shape[1]
        wide = torch.full((len(chosen), 4, S, S), float("nan"), dtype=torch.float64)
        for row, k in enumerate(chosen):
            m = len(encoded[k].input_ids)
            wide[row, :, :m, :m] = 1 / m
        wide[0, :, :n, :n] = maps[0]
        probe = AttentionPatterns(context, maps=["raw"])
        probe.begin(batch)
        for layer in range(2):
            probe.layer(layer, wide)
        probe.end()
        found.append(probe.result().items)
    assert len(found[1]) > len(found[0])
    same = found[1][found[1]["item_id"] == "long0"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, found[0].reset_index(drop=True), check_exact=True)


def test_result_does_not_depend_on_batch_size_or_order():
    context, examples = tiny_context("roberta", double=False), long_examples(9)
    reference = patterns(context, examples, batch_size=9).items
    for other in (patterns(context, examples, batch_size=1), patterns(context, examples[::-1])):
        keys = ["item_id", "metric", "layer", "head"]
        both = reference.merge(other.items, on=keys, suffixes=("", "_b"))
        assert len(both) == len(reference)
        assert (both["relation"] == both["relation_b"]).all()
        np.testing.assert_allclose(both["score"].astype(float), both["score_b"].astype(float),
                                   atol=1e-5)  # fmt: skip


@pytest.mark.slow
@pytest.mark.realdata
def test_real_maps_agree_with_rules_beyond_chance(realdata):
    from subprobe.data.sentences.plain_text import read_corpus
    from subprobe.models.checkpoint.checkpoint import load_encoder, load_tokenizer
    from subprobe.models.encoder.anatomy import anatomy_of
    from subprobe.probes.forward.base import Context

    model = load_encoder("embedded")
    context = Context(model, load_tokenizer("embedded"), anatomy_of(model))
    read = read_corpus(str(realdata / "ud" / "en_ewt-ud-dev.conllu"))[:60]
    result = patterns(context, [Example(id=one.id, first=one) for one in read])
    rows = result.rows[result.rows["unit"] == "model"].set_index(["variant", "metric"])["value"]
    assert len(result.items) >= 2 * 2000
    assert rows["raw", "kappa_with_rules"] > 0.35
    assert rows["norm", "kappa_with_rules"] > 0.35
    assert rows["raw", "abstention_rate"] < 0.35


def test_norm_maps_only_where_they_exist():
    for family in ("deberta", "albert"):
        context = tiny_context(family)
        rows = patterns(context, long_examples(3)).rows
        assert set(rows["variant"]) == {"raw"} if family == "deberta" else {"raw", "norm"}
    context = tiny_context("modernbert")
    assert set(patterns(context, long_examples(3)).rows["variant"]) == {"raw"}
    with pytest.raises(UnknownNameError):
        AttentionPatterns(context, maps=["norm"])
    with pytest.raises(ConfigError, match="raw, norm or both"):
        AttentionPatterns(context, maps=["cooked"])


def test_short_texts_and_dead_models_have_no_share():
    result = patterns(tiny_context("bert", max_length=SHORTEST - 1), long_examples(2))
    assert result.notes["n_short_texts"] == result.notes["n_texts"] == 2
    assert len(result.items) == 0
    assert result.rows["value"].isna().all()
    gone = with_dead_heads(
        tiny_context("bert"), [(layer, head) for layer in range(2) for head in range(4)]
    )
    rows = patterns(gone, long_examples(2)).rows
    assert rows["value"].isna().all()
    assert (rows.loc[rows["unit"] != "model", "flag"] == "dead").all()
