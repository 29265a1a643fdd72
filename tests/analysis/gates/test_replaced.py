"""Gates learned while closed units have their activations on other inputs."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from partner_oracle import activations, alone
from subprobe.analysis.gates.replaced import Replaced
from subprobe.analysis.gates.search import learn_penalised_under, learn_under, soft_evaluation
from subprobe.analysis.single.gate_scores import flagged_rows
from subprobe.data.encoding.collate import to_inputs
from subprobe.data.errors import ConfigError, InputError, UnknownNameError
from subprobe.data.masking.masked_batches import task_batches
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.language.answers import losses
from subprobe.models.masks.replacement import replacing
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.partners.drawing import draws_of, read_partners
from subprobe.models.partners.input_rows import rows_of_batches
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.recipes import Recipe
from subprobe.pruning.importance.gate_gradients import frozen
from subprobe.pruning.learned.gate_forms import FORMS
from subprobe.pruning.learned.learned_gates import L0Options
from subprobe.pruning.learned.unit_gates import answers_under
from subprobe.pruning.sized.size_options import SizeOptions
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

LENGTH = 64
RECIPE = Recipe(learning_rate=1e-3, epochs=1, max_length=LENGTH)
SIZED = SizeOptions(0.5, epochs=1, batch_size=12)
PENALISED = L0Options(penalty=0.5, epochs=1, batch_size=12)
OTHER = [Replaced("resample", donor_seed=3), Replaced("counterfactual")]
TOLERANCE = 1e-5
EFFECT = 100 * TOLERANCE
TOKENIZER = tiny_tokenizer("wordpiece")


def backwards(example):
    """An example whose counterfactual has the same words, and so as many subwords."""
    words = " ".join(reversed(example.texts()[0].split()))
    return replace(example, counterfactuals=((words,),))


def paired(train=24):
    parts = toy_parts(train=train)
    changed: Any = {
        name: tuple(map(backwards, getattr(parts, name)))
        for name in ("train", "selection", "report")
    }
    return replace(parts, **changed)


PARTS = paired()


@pytest.fixture(scope="module")
def model():
    return tiny_model("bert", "classification")


def sized(model, replaced, options=SIZED, parts=PARTS, **more):
    return learn_under(model, TOKENIZER, parts, options, RECIPE, replaced, **more)


def penalised(model, replaced, options=PENALISED, parts=PARTS, **more):
    return learn_penalised_under(model, TOKENIZER, parts, options, RECIPE, replaced, **more)


def logits(model, mask=None):
    return evaluate(
        model, TOKENIZER, PARTS.report, PARTS.spec, subnetwork=mask, max_length=LENGTH
    ).logits


def of_mask(mask):
    kept = {"heads": mask.head_mask, "mlps": mask.mlp_mask, "neurons": mask.neuron_mask}
    return {name: torch.tensor(one).float() for name, one in kept.items() if one is not None}


def under(found, gates):
    scored = soft_evaluation(
        replace(found, soft=gates), TOKENIZER, PARTS.report, PARTS.spec, LENGTH
    )
    return scored.logits


@pytest.mark.parametrize("replaced", OTHER, ids=lambda one: one.ablation)
@pytest.mark.parametrize("form", FORMS)
def test_gates_of_one_are_the_model_and_binary_gates_are_their_mask(model, replaced, form):
    units = "heads-mlps" if form == FORMS[0] else "heads-neurons"
    found = sized(model, replaced, replace(SIZED, form=form, units=units))
    mask = found.subnetwork
    assert (mask.ablation, found.flag) == (replaced.ablation, "")
    ones = {name: torch.ones_like(one) for name, one in found.soft.items()}
    assert np.abs(under(found, ones) - logits(model)).max() < TOLERANCE
    hard = logits(model, mask)
    assert np.abs(under(found, of_mask(mask)) - hard).max() < TOLERANCE
    assert np.abs(under(found, found.soft) - hard).max() > EFFECT
    zeros = mask.with_meta(ablation="zero", constants={}, constants_of="")
    assert np.abs(logits(model, zeros) - hard).max() > EFFECT


@pytest.mark.parametrize("replaced", OTHER, ids=lambda one: one.ablation)
def test_the_same_seed_gives_the_same_bytes_with_partners(model, replaced, tmp_path):
    for learn in (sized, penalised):
        one, other = (learn(model, replaced).subnetwork for _ in "ab")
        assert one.to_bytes() == other.to_bytes()
        one.save(tmp_path / "m.safetensors")
        again = Subnetwork.load(tmp_path / "m.safetensors")
        assert again == one
        assert np.array_equal(logits(model, again), logits(model, one))
    if replaced.ablation == "resample":
        assert draws_of(one.constants) == {"seed": 3, "match": "any"}


def rows_of(examples):
    batches = task_batches(TOKENIZER, examples, PARTS.spec, batch_size=7, max_length=LENGTH)
    return [row for (row,) in rows_of_batches(batches)]


def test_partners_come_from_the_training_part_whatever_the_batch(model):
    kept = [
        sized(model, OTHER[0], replace(SIZED, batch_size=size, seed=seed)).subnetwork
        for size, seed in ((5, 1), (24, 2))
    ]
    assert kept[0].constants.keys() == kept[1].constants.keys()
    for name, array in kept[0].constants.items():
        assert np.array_equal(array, kept[1].constants[name])
    partners = read_partners("resample", kept[0].constants)
    training = {row.key for row in rows_of(PARTS.train)}
    assert {int(key) for key in partners.donors.keys} <= training
    for row in rows_of(PARTS.train):
        assert partners.donors.row(partners.of(row)).key != row.key


def as_text(row):
    return row.ids.tolist(), row.types.tolist()


def blended(model, row, partner, gate):
    """The logits of one example whose heads are mixed with those of a partner, in plain steps."""
    theirs, size = activations(model, as_text(partner)), anatomy_of(model).head_size
    own, other = len(row), len(partner)
    place = [int(np.floor(p * (other - 1) / (own - 1) + 0.5)) for p in range(own)]
    handles = []
    for layer, held in enumerate(theirs):
        factor = gate[layer].repeat_interleave(size)

        def mixed(_module, args, factor=factor, held=held["head"][place]):
            return (factor * args[0] + (1 - factor) * held, *args[1:])

        projection = anatomy_of(model).attention_projection(model, layer)
        handles.append(projection.register_forward_pre_hook(mixed))
    with torch.no_grad():
        found = model(**alone(model, as_text(row))).logits[0]
    for handle in handles:
        handle.remove()
    return found.double()


@pytest.mark.parametrize("replaced", OTHER, ids=lambda one: one.ablation)
def test_the_first_loss_is_that_of_gates_between_output_and_partner(model, replaced):
    """One step over all examples, one by one in a plain second implementation."""
    parts = paired(train=12)
    found = {
        "sized": sized(model, replaced, replace(SIZED, units="heads", seed=5), parts),
        "penalised": penalised(model, replaced, replace(PENALISED, seed=5), parts),
    }
    starts = {"sized": (np.log((1 / 1.2) / (1 - 1 / 1.2)), 2 / 3), "penalised": (2.5, 0.33)}
    rows = rows_of(parts.train)
    partners = read_partners(replaced.ablation, found["sized"].subnetwork.constants)
    for name, (start, temperature) in starts.items():
        generator = torch.Generator().manual_seed(5)
        torch.randperm(12, generator=generator)
        u = torch.rand(2, 4, generator=generator)
        noisy = torch.sigmoid((u.log() - (1 - u).log() + start) / temperature)
        gate = (noisy * 1.2 - 0.1).clamp(0, 1)
        each = []
        for example, row in zip(parts.train, rows, strict=True):
            mixed = blended(model, row, partners.donors.row(partners.of(row)), gate)
            whole = blended(model, row, row, torch.ones(2, 4))
            p, q = (one.log_softmax(0) for one in (whole, mixed))
            of_kl, of_label = (p.exp() * (p - q)).sum(), -q[example.label]
            each.append(float(of_kl if name == "sized" else of_label))
        first = found[name].subnetwork.history[0]["loss"]
        assert first == pytest.approx(np.mean(each), abs=1e-5), name


def test_nothing_is_learned_through_the_pass_of_the_partner():
    """With all gates closed, what the partners show reaches the answer, but no gradient does."""
    model = tiny_model("bert", "classification")
    like = OTHER[0].whole(model, TOKENIZER, PARTS, max_length=LENGTH)
    (batch,) = task_batches(TOKENIZER, PARTS.train[:6], PARTS.spec, batch_size=6, max_length=LENGTH)
    gates = {"heads": torch.zeros(2, 4), "mlps": torch.zeros(2)}
    with replacing(model, like):
        answers = answers_under(model, gates, to_inputs(batch, model.device), batch.labels)
        losses(answers, batch.labels).mean().backward()
    for layer in model.bert.encoder.layer:
        assert float(layer.attention.self.query.weight.grad.abs().max()) == 0
        assert float(layer.intermediate.dense.weight.grad.abs().max()) == 0
        assert float(layer.attention.output.dense.weight.grad.abs().max()) > 0
    # and a gate gets the slope towards the partner, by differences
    with frozen(model), replacing(model, like):

        def first_logit(heads):
            found = answers_under(model, {"heads": heads}, to_inputs(batch, "cpu"), batch.labels)
            return found[:, 0].double().sum()

        heads = torch.full((2, 4), 0.5, requires_grad=True)
        (slopes,) = torch.autograd.grad(first_logit(heads), heads)
        at = divmod(int(slopes.abs().argmax()), 4)
        step = torch.zeros(2, 4)
        step[at] = 0.01
        with torch.no_grad():
            slope = float(first_logit(heads + step) - first_logit(heads - step)) / 0.02
    assert float(slopes[at]) == pytest.approx(slope, rel=0.01)
    assert abs(slope) > 1e-3


def test_a_trained_encoder_reads_its_partners_with_its_own_weights(model):
    """What is scored is the mask of the trained encoder, with the partners of the file."""
    options = replace(SIZED, frozen=False)
    found = sized(model, OTHER[0], options)
    assert found.subnetwork.constants.keys() == sized(model, OTHER[0]).subnetwork.constants.keys()
    assert np.abs(logits(found.model, found.subnetwork) - logits(model, found.subnetwork)).max() > 0
    gates = of_mask(found.subnetwork)
    hard = logits(found.model, found.subnetwork)
    assert np.abs(under(found, gates) - hard).max() < TOLERANCE


def test_a_penalty_has_the_ablation_of_its_masks(model):
    """The first loss depends on what replaces closed heads, and `learned` is learnt at the end."""
    found = {
        name: penalised(
            model, Replaced(name), replace(PENALISED, penalty=50.0, epochs=4, learning_rate=2.0)
        )
        for name in ("zero", "mean", "learned", "resample")
    }
    first = {name: one.subnetwork.history[0]["loss"] for name, one in found.items()}
    assert first["mean"] == first["learned"]
    assert len({first["zero"], first["mean"], first["resample"]}) == 3
    for name, one in found.items():
        assert one.subnetwork.ablation == name
    assert not found["learned"].subnetwork.head_mask.any()
    learned, mean = (found[name].subnetwork.constants["head"] for name in ("learned", "mean"))
    assert np.abs(learned - mean).max() > 0


@pytest.mark.parametrize(
    ("replaced", "units", "error", "said"),
    [
        (Replaced("noise"), "heads", UnknownNameError, "unknown ablation"),
        (Replaced("resample"), "weights", ConfigError, "single weights have no output that"),
        (Replaced("mean"), "weights", ConfigError, "single weights have no output that"),
        (Replaced("resample", match="size"), "heads", UnknownNameError, "unknown match"),
        (Replaced("counterfactual"), "heads", InputError, "have no counterfactual"),
    ],
    ids=str,
)
def test_what_cannot_replace_units_is_refused(model, replaced, units, error, said):
    with pytest.raises(error, match=said):
        sized(model, replaced, replace(SIZED, units=units), toy_parts(train=12))
    if units != "weights":
        with pytest.raises(error, match=said):
            penalised(model, replaced, parts=toy_parts(train=12))


def test_scores_with_partners_of_the_same_class_are_flagged():
    lines = [
        ("performance", "accuracy", "resample", ""), ("performance", "accuracy", "", ""),
        ("mask", "gate_score", "resample", ""), ("mask", "kept", "resample", ""),
        ("performance", "accuracy", "resample", "diverged"),
    ]  # fmt: skip
    frame = pd.DataFrame(lines, columns=["probe", "metric", "ablation", "flag"])
    loaded: Any = SimpleNamespace(flag="")
    flags = {
        match: list(flagged_rows([frame], loaded, match)["flag"].fillna(""))
        for match in ("label-length", "length")
    }
    flag = "donors-by-label"
    assert flags["label-length"] == [flag, "", flag, "", "diverged"]
    assert flags["length"] == ["", "", "", "", "diverged"]


def test_the_full_mask_holds_what_the_gates_need(model):
    like = OTHER[0].whole(model, TOKENIZER, PARTS, max_length=LENGTH)
    assert like.with_meta(constants={}, ablation="zero") == full_subnetwork(anatomy_of(model))
    given, own = (sized(model, OTHER[0], like=one).subnetwork for one in (like, None))
    assert given.to_bytes() == own.to_bytes()
