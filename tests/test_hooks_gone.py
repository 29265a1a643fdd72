"""Whatever runs a model leaves it as it found it, after success and after an exception.

The tests walk the registries: a probe, an importance method or a search that is added is looked at
without a line here, or makes `test_every_search_is_looked_at` fail.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import subprobe.probes
import torch
from labelled_sentences import tagged_sentences
from model_state import (
    PlantedError,
    check_left_as_they_were,
    failing_at,
    half_of,
    model_state,
    weights_of,
)
from probe_cases import CHALLENGE, DIAGNOSTICS, PAIRS, random_examples, tiny_context
from questions import questions
from subprobe.analysis.catalogue import catalogue
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.steps.selection import find_good
from subprobe.data.encoding.labelled_words import label_words
from subprobe.data.errors import SubprobeError
from subprobe.data.tasks.choices.generated import READING
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.names import METHODS as SEARCHES
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import ROUTES, finetune
from subprobe.models.training.recipes import Recipe
from subprobe.probes.attack import once
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.registry import find_probe, list_probes
from subprobe.probes.states.cache import passing_states
from subprobe.pruning.importance.scoring import importance_pass
from subprobe.pruning.learned.learned_gates import L0Options, learn_gates
from subprobe.pruning.learned.property_masks import learn_property, predict_hard, predict_soft
from subprobe.pruning.learned.property_options import PropertyOptions
from subprobe.pruning.learned.unit_gates import UNITS
from subprobe.pruning.search.lottery import lottery, next_round
from subprobe.pruning.search.magnitude import largest
from subprobe.pruning.search.plan import Rule
from subprobe.pruning.sized.size_gates import learn_to_size
from subprobe.pruning.sized.size_options import SizeOptions
from subprobe.pruning.sized.soft_scores import soft_logits
from tiers import mostly_slow
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

IMPORTANCES = [one["importance"] for one in catalogue("importance")]
PROBES = sorted(entry.name for entry in list_probes())
STEPS = ("begin", "layer", "hidden", "values", "pair", "end", "result")
"""What the shared pass calls on a probe."""
RECIPE = Recipe(learning_rate=1e-3, epochs=1, batch_size=16)


def accumulators():
    """Every class that gathers what a probe says in the shared pass, by the name of the probe."""
    found = {}
    for module in pkgutil.walk_packages(subprobe.probes.__path__, "subprobe.probes."):
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            name = vars(one).get("name")
            if isinstance(name, str) and callable(getattr(one, "result", None)):
                found[name] = one
    return found


@pytest.fixture(scope="module")
def parts():
    return toy_parts(train=16, report=12)


@pytest.fixture
def model():
    return tiny_model("bert", "classification")


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("wordpiece")


def head_for(name):
    """The head of the model that a probe reads."""
    further = find_probe(name).further
    if "choices" in further:
        return "choice"
    if "named-classes" in further:
        return "entailment"
    return "language" if "language-model-head" in further else "classification"


def examples_for(name, count=4):
    """Examples that a probe reads."""
    return questions(count) if head_for(name) == "choice" else random_examples(count)


def context_for(head, family="bert", **options):
    """A model with this head, and the task whose classes or questions its probes need."""
    spec = {"entailment": PAIRS, "choice": READING}.get(head or "")
    kind = "classification" if head == "entailment" else head
    return replace(tiny_context(family, kind, **options), spec=spec)


def masked_context(head=None):
    """A masked model beside a reference, both built for sdpa, which probes switch to eager."""
    context = context_for(head, attention="sdpa")
    other = context_for(head, attention="sdpa", seed=1).model
    return replace(context, subnetwork=half_of(context.model), reference=other)


SHORT: dict[str, dict[str, Any]] = {
    "attack": {"count": 2},
    "agreement": {"generated": 4, "several_pieces": "pll"},
    "attention-diagnostics": {"epochs": 1, "seeds": 1, "lambdas": (0.1,), "guide_epochs": 1},
    "attention-explanation": {"permutations": 2, "steps": 2, "perturbed_texts": 2},
    "attention-probe": {"epochs": 1, "width": 2, "rates": (0.1,)},
    "attributions": {"n_steps": 2, "permutations": 10},
    "challenge": CHALLENGE,
    "choice-attributions": {"n_steps": 2},
    "faithfulness": {"n_steps": 2, "random_draws": 1, "sensitivity_draws": 1},
    "glue-diagnostics": DIAGNOSTICS,
    "head-attributions": {"n_steps": 2, "interactions": "second-order"},
    "hidden-token-attribution": {"projections": 1},
    "heuristics": {"generated": 4},
    "holmes": {"epochs": 1, "seeds": 1},
    "cloze": {
        "files": (str(Path(__file__).parent / "support" / "made_cloze.tsv"),),
        "several_pieces": "pll",
    },
    "minimal-pairs": {"generated": 4},
    "plausibility": {"n_steps": 2, "random_draws": 1},
    "token-identifiability": {"steps": 2},
    "transfer": {"steps": 2, "train_examples": 8, "held_out": 4, "vocabulary": 20},
}


def probed(context, name, examples):
    options = {name: SHORT[name]} if name in SHORT else {}
    learnt = tuple(random_examples(30, seed=1))
    with passing_states() as states:
        learning = Learning(learnt[:20], learnt[20:], "given", states)
        run_named_probes(
            context, examples, [name], options=options, learning=learning, batch_size=2
        )


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_leaves_the_models_as_they_were(name):
    context = masked_context(head_for(name))
    weights = weights_of(context.model)

    def call():
        # attacks on the full model are kept: every call must make them again
        once._MADE.clear()
        probed(context, name, examples_for(name))

    check_left_as_they_were(context.model, call, others=(context.reference,))
    torch.testing.assert_close(context.model.state_dict(), weights, rtol=0, atol=0)


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.slow
def test_a_fault_of_the_reference_leaves_both_models_as_they_were(name):
    context = masked_context(head_for(name))
    both = (context.model, context.reference)
    with failing_at(context.reference, lambda number: True) as passes:
        before = [model_state(one) for one in both]
        with suppress(PlantedError):
            probed(context, name, examples_for(name))
        assert [model_state(one) for one in both] == before
    assert passes[0] or name != "attention-change"


def methods_of_probes():
    """Each probe of the shared pass with each method that it has."""
    found = accumulators()
    named = sorted(found.keys() & set(PROBES))
    return [(name, step) for name in named for step in STEPS if hasattr(found[name], step)]


EARLY_AND_LATE = [case for case in methods_of_probes() if case[1] in ("layer", "result")]


@pytest.mark.parametrize(("name", "step"), mostly_slow(methods_of_probes(), EARLY_AND_LATE))
def test_a_fault_in_a_method_of_a_probe_leaves_the_models_as_they_were(name, step, monkeypatch):
    kind = accumulators()[name]
    context, called = masked_context(), []

    def fails(*_args, **_options):
        called.append(step)
        raise PlantedError(step)

    monkeypatch.setattr(kind, step, fails)
    before = [model_state(one) for one in (context.model, context.reference)]
    # what a probe does not ask for is not called
    with suppress(PlantedError):
        probed(context, name, random_examples(3))
    assert [model_state(one) for one in (context.model, context.reference)] == before
    assert called or step not in ("begin", "end", "result")


@pytest.mark.parametrize("name", IMPORTANCES)
def test_importance_leaves_the_model_as_it_was(name, model, tokenizer, parts):
    from subprobe.data.encoding.collate import text_batches

    batches = text_batches(tokenizer, parts.selection, batch_size=5, max_length=32)
    mask, weights = half_of(model), weights_of(model)
    masks = (mask.head_mask, mask.mlp_mask, mask.neuron_mask)
    model.train()  # a mode that has to come back
    check_left_as_they_were(model, lambda: importance_pass(model, batches, *masks, method=name))
    torch.testing.assert_close(model.state_dict(), weights, rtol=0, atol=0)


def by_rule(model, tokenizer, parts, method):
    find_good(
        model,
        tokenizer,
        parts,
        PruneOptions(threshold=0.5, batch_size=6),
        max_length=32,
        seeds=(0, 0),
        method=method,
    )


def by_gates(model, tokenizer, parts, *, frozen):
    options = L0Options(penalty=0.01, epochs=1, batch_size=8, frozen=frozen)
    learn_gates(model, tokenizer, parts, options, RECIPE)


def towards_a_size(model, tokenizer, parts, *, form, units="heads-mlps", block="1x1"):
    options = SizeOptions(0.5, form=form, units=units, block=block, epochs=1)
    found = learn_to_size(model, tokenizer, parts, options, RECIPE)
    soft_logits(model, found.soft, tokenizer, parts.train, parts.spec, max_length=32)


def by_property(model, tokenizer, parts, *, units):
    words = label_words(tokenizer, tagged_sentences(12), "upos", max_length=32)
    options = PropertyOptions(units=units, epochs=1, batch_size=4, readout_rate=0.01)
    found = learn_property(model, words, options)
    predict_soft(model, found, words)
    predict_hard(model, found, words)


def by_lottery(model, tokenizer, parts, rewind=0):
    def train(mask):
        steps = rewind if mask.weight_masks else 0
        found = trained(model, parts, subnetwork=mask, rewind=steps)
        scored = evaluate(found.model, tokenizer, parts.selection, parts.spec, subnetwork=mask)
        return scored.metrics["accuracy"], next_round(found.model, mask, 0.2)

    lottery(train, full_subnetwork(anatomy_of(model)), rounds=1, rule=Rule("study", 0.01))


def trained(model, parts, *, head="random", **options):
    recipe = replace(RECIPE, head=head)
    return finetune("tiny", parts, recipe, seed_init=0, seed_order=0, **options)


RUNNERS: dict[str, Callable[..., None]] = {
    **{
        method: partial(by_rule, method=method)
        for method in SEARCHES
        if method.startswith("structured") or method == "magnitude"
    },
    "l0": partial(by_gates, frozen=True),
    "l0, with the encoder": partial(by_gates, frozen=False),
    "hard-concrete": partial(towards_a_size, form="hard-concrete"),
    "hard-concrete, blocks of weights": partial(
        towards_a_size, form="hard-concrete", units="weights", block="8x8"
    ),
    "continuous-sparsification": partial(towards_a_size, form="continuous-sparsification"),
    **{f"l0, of a property, {units}": partial(by_property, units=units) for units in UNITS},
    "imp": by_lottery,
    "imp, rewound": partial(by_lottery, rewind=1),
}


def test_every_search_is_looked_at():
    found = {name.split(",")[0] for name in RUNNERS}
    # the whole model, and masks made of several masks, are not searched
    assert found == set(SEARCHES) - {"full", "several"}


@pytest.fixture
def in_place(model, tokenizer, monkeypatch):
    """Fine-tuning that trains the model at hand instead of loading one."""
    module = importlib.import_module("subprobe.models.training.prepared_training")
    monkeypatch.setattr(module, "load_start", lambda *_given, **_options: model)
    monkeypatch.setattr(module, "load_tokenizer", lambda _name: tokenizer)


@pytest.mark.parametrize("name", RUNNERS)
def test_a_search_leaves_the_model_as_it_was(name, model, tokenizer, parts, in_place):
    weights = weights_of(model)
    check_left_as_they_were(
        model,
        lambda: RUNNERS[name](model, tokenizer, parts),
        modes=not name.startswith("imp"),  # the only one that trains the model itself
    )
    if not name.startswith("imp"):
        torch.testing.assert_close(model.state_dict(), weights, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("route", "kind", "options"),
    [
        *((route, "units", {}) for route in ROUTES),
        ("masked", "weights", {}),
        ("masked", "weights", {"rewind": 1}),
        ("masked", "units", {"head": "probed"}),
        ("masked", "whole", {"head": "probed"}),
    ],
)
def test_training_under_a_mask_leaves_no_hook(route, kind, options, model, parts, in_place):
    whole = full_subnetwork(anatomy_of(model))
    count = sum(mask.size for mask in largest(model, 0).values())
    mask = {
        "units": half_of(model),
        "weights": whole.with_meta(weight_masks=largest(model, count // 2)),
        "whole": None,
    }[kind]
    check_left_as_they_were(
        model, lambda: trained(model, parts, route=route, subnetwork=mask, **options), modes=False
    )


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_gates_and_evaluation_leave_the_model_as_it_was(family, parts):
    model = tiny_model(family, "classification")
    kind = {"bert": "wordpiece", "albert": "unigram"}[family]
    mask = full_subnetwork(anatomy_of(model)).with_meta(head_mask=half_of(model).head_mask)
    inputs = {"input_ids": torch.tensor([[2, 7, 8, 3]])}

    def attached():
        gates = torch.ones(mask.head_mask.shape, requires_grad=True)
        with Gates(model, gates, torch.ones(len(mask.mlp_mask))), gated(model, mask):
            model(**inputs)

    def evaluated():
        evaluate(model, tiny_tokenizer(kind), parts.report, parts.spec, subnetwork=mask)

    check_left_as_they_were(model, attached)
    check_left_as_they_were(model, evaluated)


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.slow
def test_layers_that_share_their_weights_are_left_as_they_were(name):
    context = context_for(head_for(name), "albert")
    context = replace(context, reference=context_for(head_for(name), "albert").model)
    for fails in (lambda number: False, lambda number: number == 2):
        with failing_at(context.model, fails):
            before = model_state(context.model)
            # some probes refuse this family: that, too, must leave nothing behind
            with suppress(PlantedError, SubprobeError):
                probed(context, name, random_examples(3))
            assert model_state(context.model) == before


def test_what_is_left_behind_is_seen(model):
    before = model_state(model)
    layer = model.base_model.encoder.layer[0]
    weight = next(model.parameters())
    for leave, undo in (
        (lambda: layer.register_forward_hook(print), lambda hook: hook.remove()),
        (lambda: layer.register_forward_pre_hook(print), lambda hook: hook.remove()),
        (lambda: layer.register_full_backward_hook(print), lambda hook: hook.remove()),
        (lambda: layer.register_full_backward_pre_hook(print), lambda hook: hook.remove()),
        (lambda: weight.register_hook(print), lambda hook: hook.remove()),
        (lambda: setattr(layer, "forward", print), lambda _: delattr(layer, "forward")),
        (lambda: layer.train(), lambda _: layer.eval()),
        (lambda: weight.requires_grad_(False), lambda _: weight.requires_grad_(True)),
    ):
        left = leave()
        assert model_state(model) != before
        undo(left)
        assert model_state(model) == before
