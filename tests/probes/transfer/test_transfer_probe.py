"""New words around a frozen encoder: what is trained, what is read, and what stays as it was."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from model_state import half_of, weights_of
from probe_cases import tiny_context
from subprobe.data.errors import ConfigError, DataFileError, InputError
from subprobe.data.masking.choice import IGNORED
from subprobe.data.strings.strings import StringOptions
from subprobe.models.masks.gates import gated
from subprobe.probes.transfer.new_language import SPECIALS, NewLanguage, strings_of, text_of
from subprobe.probes.transfer.new_words import NewWords, Training, learn_new_words
from subprobe.probes.transfer.transfer import UNTRAINED, run_transfer, untrained_encoder
from subprobe.pruning.controls import random_like
from tiny import tiny_model

SHORT: dict[str, Any] = {
    "vocabulary": 12, "shortest": 6, "longest": 12, "train_examples": 64, "held_out": 24,
    "steps": 6, "batch_size": 16,
}  # fmt: skip


def language(kind="nested", **changed):
    sizes = {"examples": 96, "held_out": 32, "seed": 0, **changed}
    return strings_of(kind, StringOptions(12, 8, 16, exponent=0.0), **sizes)


@pytest.fixture(scope="module")
def model():
    return tiny_model("bert", "classification")


def bits(model, made, training, mask=None):
    found = learn_new_words(model, made, training, subnetwork=mask)
    return found[:, 0].sum() / found[:, 1].sum()


def test_loss_falls_on_nested_strings_and_frozen_parameters_keep_their_bytes(model):
    before, asked = weights_of(model), [p.requires_grad for p in model.parameters()]
    made = language()
    first = bits(model, made, Training(1, 16, 1e-9, 0))
    later = bits(model, made, Training(80, 16, 0.02, 0))
    assert later < first - 0.3
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [p.requires_grad for p in model.parameters()] == asked
    assert all(p.grad is None for p in model.parameters())


def test_the_same_seed_gives_the_same_bytes_and_another_others(model):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, again, other = (
        learn_new_words(model, language(), Training(3, 16, 0.01, seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert (first[:, 1:] == other[:, 1:]).all()  # the held-out texts have the same masks


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "albert", "deberta-v2"])
def test_held_out_bits_are_those_of_a_plain_loop_under_gates(family):
    """No training: embeddings as they begin, in a loop over texts with the mask as gates."""
    model = tiny_model(family).double()
    mask, made = half_of(model), language("flat")
    found = learn_new_words(model, made, Training(1, 16, 1e-300, 3), subnetwork=mask)
    words = NewWords(model.base_model, made.size, 3)
    held = made.batches(held=True, seed=0, batch_size=1)
    expected = np.zeros((len(made.held), 2))
    with gated(model, mask), torch.no_grad():
        for place in range(len(made.held)):
            batch = held.batch((place,))
            states = model(
                inputs_embeds=words.words(batch.input_ids), attention_mask=batch.attention_mask
            ).last_hidden_state
            logits = words.project(states) @ words.words.weight.T
            chances = torch.log_softmax(logits, dim=-1)[0]
            for at in torch.nonzero(batch.labels[0] != IGNORED)[:, 0].tolist():
                expected[place] += -float(chances[at, batch.labels[0, at]]) / np.log(2), 1
    assert (found[:, 1] == expected[:, 1]).all()
    np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=1e-4)


def test_only_words_projection_and_bias_are_trained():
    model = tiny_model("electra")
    words = NewWords(model, 20, 0)
    assert {name for name, _ in words.named_parameters()} == {
        "words.weight", "project.weight", "bias",
    }  # fmt: skip
    assert words.words.weight.std().item() == pytest.approx(
        model.get_input_embeddings().weight.std().item(), rel=0.1
    )
    assert {name for name, _ in NewWords(tiny_model("bert"), 20, 0).named_parameters()} == {
        "words.weight", "bias",
    }  # fmt: skip


def test_rows_are_functions_of_the_items_and_have_their_baselines():
    context = tiny_context("bert", double=False)
    context = replace(context, subnetwork=half_of(context.model))
    told = []
    result = run_transfer(
        context, (), progress=lambda *now: told.append(now), strings=("nested", "zipf"), **SHORT
    )
    assert told[-1] == (12, 12)
    rows = result.rows.set_index(["relation", "metric"])
    assert set(rows.index.get_level_values(0)) == {"nested", "zipf"}
    items = result.items
    for (kind, metric), mine in items.groupby(["relation", "metric"]):
        ratio = mine["numerator"].sum() / mine["denominator"].sum()
        assert rows.loc[(kind, metric), "value"] == pytest.approx(ratio, rel=1e-6)
        assert rows.loc[(kind, metric), "n"] == len(mine)
    line = rows.loc[("nested", "bits")]
    assert line["baseline"] == UNTRAINED
    assert rows.loc[("nested", "perplexity"), "value"] == pytest.approx(2 ** line["value"])
    assert line["baseline_value"] - line["value"] == pytest.approx(
        rows.loc[("nested", "bits_saved"), "value"]
    )
    made = strings_of("nested", StringOptions(12, 6, 12), examples=64, held_out=24, seed=0)
    untrained = learn_new_words(
        untrained_encoder(context.model, 0), made, Training(6, 16, 0.001, 0)
    )
    assert line["baseline_value"] == pytest.approx(untrained[:, 0].sum() / untrained[:, 1].sum())


def test_the_unigram_baseline_counts_training_tokens():
    made = NewLanguage("text", [[0, 0, 1]], [[0, 1] * 30], ("a",), 3)
    unigram = made.unigram_bits()
    np.testing.assert_allclose(unigram[SPECIALS:], -np.log2([3 / 6, 2 / 6, 1 / 6]))
    assert np.isinf(unigram[:SPECIALS]).all()


def test_a_text_is_cut_into_subwords_of_its_training_part(tmp_path):
    path = tmp_path / "es.txt"
    words = ("la", "niña", "canción", "árbol", "río", "come", "曜日")
    lines = [" ".join(words[(i * k) % 7] for k in (1, 2, 3, 5)) + f" {i}" for i in range(80)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made, again = (
        text_of(str(path), vocabulary=300, longest=5, examples=50, held_out=5, name="text")
        for _ in range(2)
    )
    assert made == again
    assert len(made.held) == len(made.ids) == 5
    assert len(made.train) == 50
    assert 256 <= made.vocabulary <= 300
    assert max(map(len, [*made.train, *made.held])) == 5
    assert max(max(text) for text in made.train) < made.vocabulary
    context = tiny_context("bert", double=False)
    options = {**SHORT, "vocabulary": 300, "steps": 2}
    rows = run_transfer(context, (), text=str(path), **options).rows
    assert set(rows["relation"]) == {"text"}
    assert rows["value"].notna().all()


def test_what_cannot_be_done_is_refused(tmp_path):
    context = tiny_context("bert", double=False)
    with pytest.raises(ConfigError, match=r"transfer\.longest"):
        run_transfer(context, (), longest=127)
    with pytest.raises(ConfigError, match="must be >= 256, got 12"):
        run_transfer(context, (), text=str(tmp_path / "none.txt"), vocabulary=12)
    with pytest.raises(DataFileError, match="no such file"):
        run_transfer(context, (), text=str(tmp_path / "none.txt"))
    short = NewLanguage("text", [[0, 1] * 40], [[]], ("a",), 3)
    with pytest.raises(InputError, match="no token of 1 held-out texts is masked"):
        learn_new_words(context.model, short, Training(1, 4, 0.01, 0))


def test_random_masks_give_a_distribution_of_their_own(model):
    made, training = language(), Training(4, 16, 0.01, 0)
    masks = [random_like(half_of(model), seed=1, draw=draw) for draw in (0, 1)]
    values = [bits(model, made, training, mask) for mask in masks]
    assert len({*values, bits(model, made, training)}) == 3
    assert all(pd.notna(value) for value in values)
