"""Attributions of the logit of an option: parts of inputs, completeness, a plain second sum."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from questions import WITH_HEAD, chooser, questions
from subprobe.data.errors import InputError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.choices.generated import READING
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.probes.choices.choice_attributions import (
    PARTS,
    inputs_of,
    run_choice_attributions,
)
from subprobe.probes.forward.base import Context
from tiers import mostly_slow

EXAMPLES = questions(6)
HEADS = np.ones((2, 4), dtype=bool)
HEADS[1, 1:] = HEADS[0, 0] = False
MASK = Subnetwork(HEADS, np.ones(2, dtype=bool))


def context_of(family="bert", mask=MASK):
    model, tokenizer = chooser(family)
    return Context(model, tokenizer, anatomy_of(model), mask, READING)


def test_words_belong_to_their_parts():
    context = context_of()
    example = Example(
        "x",
        plain_sentence("x/1", "The dog saw a cat. It slept."),
        plain_sentence("x/2", "What saw a dog?"),
        0,
        options=("The cat!", "slept"),
    )
    (one,) = inputs_of(context, [example], [0])
    words = {name: [] for name in PARTS}
    for token, part in zip(context.tokenizer.convert_ids_to_tokens(one.ids), one.part, strict=True):
        if part >= 0:
            words[PARTS[part]].append(token)
    joined = {name: "".join(found).replace("##", "") for name, found in words.items()}
    assert joined == {
        "context, word of the option": "thecat",
        "context, word of the question": "dogsawa",
        "context, other": ".itslept.",
        "question": "whatsawadog?",
        "option": "thecat!",
    }
    assert (one.part == -1).sum() == 3


@pytest.mark.parametrize("family", mostly_slow(WITH_HEAD))
def test_the_sum_converges_to_the_difference_of_logits(family):
    context = context_of(family)
    few, many = (
        run_choice_attributions(context, EXAMPLES[:2], n_steps=steps).rows.set_index("metric")
        for steps in (2, 200)
    )
    delta = "convergence_delta_mean"
    assert many.loc[delta, "value"] < 0.05
    assert many.loc[delta, "value"] < few.loc[delta, "value"]


def test_shares_are_those_of_a_plain_riemann_sum():
    context = context_of()
    found = run_choice_attributions(context, EXAMPLES[:1], n_steps=64).rows
    model, tokenizer = context.model, context.tokenizer
    best = evaluate(model, tokenizer, EXAMPLES[:1], READING, subnetwork=MASK).predictions[0]
    (one,) = inputs_of(context, EXAMPLES[:1], [int(best)])
    ids = torch.tensor(one.ids)
    real = torch.from_numpy(one.part >= 0)
    table = model.get_input_embeddings().weight.detach()
    end = table[ids]
    start = torch.where(real[:, None], table[tokenizer.pad_token_id], end)
    steps, total = 400, torch.zeros_like(end)
    for step in range(steps):
        at = (start + (end - start) * (step + 0.5) / steps).requires_grad_()
        more = {
            "attention_mask": torch.ones(1, 1, len(ids), dtype=torch.long),
            "token_type_ids": torch.tensor(one.types)[None, None],
        }
        with gated(model, MASK):
            logit = model(inputs_embeds=at[None, None], **more).logits[0, 0]
        total += torch.autograd.grad(logit, at)[0]
    plain = (total / steps * (end - start)).sum(-1).detach().double().numpy()
    mass = np.abs(plain[one.part >= 0]).sum()
    for metric, values in (("part_attribution", np.abs(plain)), ("net_part_attribution", plain)):
        rows = found[found["metric"].eq(metric)].set_index("relation")["value"]
        for number, part in enumerate(PARTS):
            assert rows[part] == pytest.approx(values[one.part == number].sum() / mass, abs=5e-3)


def test_shares_sum_to_one_and_rows_are_means_of_items():
    result = run_choice_attributions(context_of(), EXAMPLES, n_steps=3, batch_size=4)
    rows = result.rows
    of_parts = rows[rows["metric"].eq("part_attribution")]
    assert of_parts["value"].sum() == pytest.approx(1)
    assert of_parts["baseline_value"].sum() == pytest.approx(1)
    items = pd.concat(list(result.item_parts)).fillna({"relation": ""})
    means = items.groupby(["metric", "relation"])["numerator"].mean()
    for row in rows.fillna({"relation": ""}).itertuples():
        assert row.value == pytest.approx(means[row.metric, row.relation])
    again = run_choice_attributions(context_of(), EXAMPLES, n_steps=3, batch_size=1)
    np.testing.assert_allclose(again.rows["value"], rows["value"], atol=1e-5)


def test_the_right_option_may_be_another_than_the_chosen_one():
    one, other = (
        run_choice_attributions(context_of(), EXAMPLES, n_steps=2, target=target).rows["value"]
        for target in ("predicted", "gold")
    )
    assert not np.allclose(one, other)


def test_a_mask_changes_attributions_and_other_tasks_are_refused():
    one, other = (
        run_choice_attributions(context_of(mask=mask), EXAMPLES[:2], n_steps=2).rows["value"]
        for mask in (MASK, None)
    )
    assert not np.allclose(one, other, atol=1e-3)
    with pytest.raises(InputError, match="multiple-choice"):
        run_choice_attributions(replace(context_of(), spec=None), EXAMPLES)
