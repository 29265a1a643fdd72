from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from erasure_cases import some_learning
from model_state import half_of
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError, InputError
from subprobe.models.masks.gates import gated
from subprobe.probes.erasure.amnesic_task import run_amnesic_task
from subprobe.probes.erasure.erased_pass import erased_logits
from subprobe.probes.erasure.eraser import Eraser, random_eraser
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.named import run_named_probes
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe

EXAMPLES = random_examples(24, seed=7)
LEACE = "own;eraser=leace;shrinkage=off"


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    return some_learning(tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="module")
def context():
    return with_dead_heads(tiny_context("bert", "classification", double=False), [(0, 2)])


def alone(context, text, layer, eraser, *, words_alone=False):
    """Logits of one text, with the state changed in the blocks' own loop."""
    encoded = text
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    special = torch.tensor(encoded.special)
    model, anatomy = context.model, context.anatomy

    def changed(states):
        moved = eraser(states)
        return torch.where(special[None, :, None], states, moved) if words_alone else moved

    with torch.no_grad(), gated(model, context.subnetwork):
        states = model.base_model.embeddings(**inputs)
        for place in range(anatomy.num_layers + 1):
            if place == layer:
                states = changed(states)
            if place < anatomy.num_layers:
                states = anatomy.block(model, place)(states)
                states = states[0] if isinstance(states, tuple) else states
        pooled = getattr(model.base_model, "pooler", None)
        return model.classifier(pooled(states) if pooled is not None else states)[0].numpy()


@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("words_alone", [False, True])
def test_the_erased_state_is_what_later_layers_read(family, words_alone):
    context = tiny_context(family, "classification", attention="eager")
    context = with_dead_heads(context, [(0, 2), (1, 1)])
    texts = read_texts(context, EXAMPLES[:6])
    eraser = random_eraser(9, torch.linspace(-1, 1, 32, dtype=torch.float64), (0,))
    passes = [None, *((layer, eraser) for layer in range(3))]
    found = erased_logits(
        context, texts, lambda: iter(passes), words_alone=words_alone, batch_size=4
    )
    assert hooks_on(context.model) == 0
    nothing = Eraser(eraser.left[:, :0], eraser.right[:0], eraser.centre)
    for text, encoded in enumerate(texts.encoded):
        np.testing.assert_allclose(found[0][text], alone(context, encoded, 0, nothing), atol=1e-9)
        for layer in range(3):
            wanted = alone(context, encoded, layer, eraser, words_alone=words_alone)
            np.testing.assert_allclose(found[layer + 1][text], wanted, atol=1e-9)
    assert np.abs(found[1] - found[0]).max() > 0.01
    last = np.abs(found[3] - found[0]).max()
    # the head reads the first token, which is special
    assert last < 1e-12 if words_alone else last > 0.01


@pytest.mark.parametrize("family", ["albert", "distilbert", "modernbert", "deberta-v2"])
def test_every_kind_of_family_can_be_erased(family):
    """Shared blocks, other names and final norms: erasing nothing changes nothing, all does."""
    context = tiny_context(family, "classification")
    texts = read_texts(context, EXAMPLES[:4])
    centre = torch.zeros(32, dtype=torch.float64)
    nothing = random_eraser(0, centre, (0,))
    everything = random_eraser(32, centre, (0,))
    passes = [None, *((layer, one) for layer in range(3) for one in (nothing, everything))]
    found = erased_logits(context, texts, lambda: iter(passes))
    for place in range(3):
        np.testing.assert_allclose(found[1 + 2 * place], found[0], atol=1e-12)
        assert np.abs(found[2 + 2 * place] - found[0]).max() > 1e-3
    # where the last state is gone, the head says the same of every text
    np.testing.assert_allclose(found[-1], found[-1][:1].repeat(4, 0), atol=1e-9)
    assert hooks_on(context.model) == 0


def test_rows_are_means_of_items(context, learning):
    (result,) = run_named_probes(
        context, EXAMPLES, ["amnesic-task"], learning=learning,
        options={"amnesic-task": {"draws": 2, "erasers": ("leace", "inlp")}},
    )  # fmt: skip
    rows, items = result.rows, result.items
    keys = ["variant", "metric", "layer"]
    means = items.assign(layer=items["layer"].fillna(-1)).groupby(keys)["score"].mean()
    scored = rows[rows["metric"] != "rank_removed"]
    scored = scored.assign(layer=scored["layer"].fillna(-1)).set_index(keys)
    assert len(means) == len(scored) == 1 + 2 * 3 * 4
    np.testing.assert_allclose(
        scored["value"].astype(float), means.reindex(scored.index).astype(float), atol=1e-12
    )
    assert set(scored["n"]) == {24}
    by = rows.set_index(["metric", "layer", "variant"])["value"].astype(float)
    for layer in range(3):
        drop = by["task_accuracy_drop", layer, LEACE]
        intact = rows[rows["metric"] == "task_accuracy_intact"]["value"].item()
        assert drop == pytest.approx(intact - by["task_accuracy_erased", layer, LEACE])
        selective = by["task_accuracy_drop_selective", layer, LEACE]
        erased = by["task_accuracy_erased", layer, LEACE]
        assert selective == pytest.approx(by["task_accuracy_random", layer, LEACE] - erased)
        assert by["rank_removed", layer, LEACE] == 2
    assert items.groupby("metric")["item_id"].nunique().eq(24).all()


def test_intact_accuracy_is_that_of_the_masked_model(context, learning):
    from subprobe.models.training.evaluate import evaluate
    from toy_parts import toy_parts

    result = run_amnesic_task(context, EXAMPLES, learning=learning, layers=(1,), draws=1)
    spec, mask = toy_parts(train=2, report=2).spec, context.subnetwork
    plain = evaluate(context.model, context.tokenizer, EXAMPLES, spec, subnetwork=mask)
    row = result.rows[result.rows["metric"] == "task_accuracy_intact"]
    assert row["value"].item() == plain.metrics["accuracy"]
    assert set(result.rows["layer"].dropna()) == {1}


def test_a_regression_has_errors(learning):
    context = tiny_context("bert", "classification", num_labels=1, double=False)
    examples = [replace(one, label=float(i)) for i, one in enumerate(EXAMPLES)]
    result = run_amnesic_task(context, examples, learning=learning, layers=(2,), draws=1)
    intact = result.rows[result.rows["metric"] == "task_negative_error_intact"]["value"].item()
    assert intact < 0
    assert "task_negative_error_drop_selective" in set(result.rows["metric"])


def test_any_mask_and_pairs(learning):
    context = tiny_context("bert", "classification", double=False)
    context = replace(context, subnetwork=half_of(context.model))
    pairs = random_examples(10, pairs=True)
    one = run_amnesic_task(context, pairs, learning=learning, draws=1, tokens="words")
    assert set(one.rows["variant"].dropna()) == {"own", f"{LEACE};tokens=words"}
    again = run_amnesic_task(context, pairs, learning=learning, draws=1, tokens="words")
    assert one.rows.equals(again.rows)


def test_progress_counts_every_pass(context, learning):
    seen = []
    run_amnesic_task(
        context, EXAMPLES, learning=learning, layers=(0, 2), draws=2, batch_size=10,
        progress=lambda done, every: seen.append((done, every)),
    )  # fmt: skip
    assert seen[-1] == (24 * 7, 24 * 7)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_bad_input_is_one_line(context, learning):
    with pytest.raises(ConfigError, match=r"unknown hidden state 3.*0 \(embeddings\) to 2"):
        run_amnesic_task(context, EXAMPLES, learning=learning, layers=(3,))
    unlabelled = [replace(one, label=None) for one in EXAMPLES]
    with pytest.raises(InputError, match="some examples have no label"):
        run_amnesic_task(context, unlabelled, learning=learning)
    with pytest.raises(InputError, match="needs a model with a task head"):
        run_amnesic_task(tiny_context("bert"), EXAMPLES, learning=learning)


def test_one_layer_may_be_named_as_a_number():
    entry = find_probe("amnesic-task")
    assert typed_options(entry, {"layers": 2}).model_dump()["layers"] == (2,)
    with pytest.raises(ConfigError):
        typed_options(entry, {"layers": True})
