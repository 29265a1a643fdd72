"""Gates between outputs and partners, in every family of encoders and kind of task."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from masked_texts import masked_parts
from questions import chooser, question_parts
from subprobe.analysis.gates.replaced import Replaced
from subprobe.analysis.gates.search import learn_under, soft_evaluation
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.recipes import Recipe
from subprobe.pruning.sized.size_options import SizeOptions
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_parts

TOLERANCE = 1e-5
EFFECT = 100 * TOLERANCE
OPTIONS = SizeOptions(0.5, epochs=1, batch_size=8)


def check_ends(model, tokenizer, parts, options=OPTIONS, *, length=64, match="any"):
    """Gates of one are the model, and binary gates their mask, which differs from both."""
    recipe = Recipe(learning_rate=1e-3, epochs=1, max_length=length)
    found = learn_under(model, tokenizer, parts, options, recipe, Replaced("resample", match=match))
    mask = found.subnetwork
    assert (mask.ablation, found.flag) == ("resample", "")

    def logits(subnetwork):
        return evaluate(
            model, tokenizer, parts.report, parts.spec, subnetwork=subnetwork, max_length=length
        ).logits

    def under(gates):
        one = replace(found, soft=gates)
        return soft_evaluation(one, tokenizer, parts.report, parts.spec, length).logits

    whole, hard = logits(None), logits(mask)
    ones = {name: torch.ones_like(one) for name, one in found.soft.items()}
    kept = {"heads": mask.head_mask, "mlps": mask.mlp_mask}
    binary = {name: torch.tensor(kept[name]).float() for name in ones}
    assert np.abs(under(ones) - whole).max() < TOLERANCE
    assert np.abs(under(binary) - hard).max() < TOLERANCE
    assert np.abs(whole - hard).max() > EFFECT


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("albert", "modernbert")))
def test_both_ends_of_the_gates_in_every_family(family):
    model, tokenizer = tiny_model(family, "classification"), tiny_tokenizer(TOKENIZER_OF[family])
    # in half of the families by label, so that both draws are learned under
    match = "label" if FAMILIES.index(family) % 2 else "any"
    check_ends(model, tokenizer, toy_parts(train=16, report=8), match=match)


@pytest.mark.slow
@pytest.mark.parametrize("criterion", ["kl", "loss"])
def test_both_ends_for_questions_masked_texts_and_numbers(criterion):
    options = replace(OPTIONS, criterion=criterion)
    check_ends(*chooser(), question_parts(8, 4), options, length=160)
    tokenizer = tiny_tokenizer("wordpiece")
    check_ends(tiny_model("bert", "language"), tokenizer, masked_parts(12, 6), options)
    numbers = tiny_model("bert", "classification", num_labels=1)
    check_ends(numbers, tokenizer, toy_parts(1, train=16, report=8), options)
