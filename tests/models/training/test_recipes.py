"""Which recipe a model and task get."""

from dataclasses import asdict, replace

import pytest
import torch
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.recipe import chosen_recipe
from subprobe.models.folder.sources import ModelSource
from subprobe.models.training.recipes import EMBEDDED, EMBEDDED_TASKS, STUDY, recipe_for

HUB = ModelSource("hub", "bert-base-uncased", "bert-base-uncased")
OWN = ModelSource("embedded", "x", "embedded")


def test_other_encoders_get_the_studys_recipe():
    assert recipe_for(HUB, "cola") is STUDY
    assert (STUDY.learning_rate, STUDY.epochs, STUDY.batch_size, STUDY.max_length) == (
        2e-5, 3, 32, 128,
    )  # fmt: skip
    assert (STUDY.head, STUDY.precision, STUDY.warmup) == ("random", "float32", 0.0)


def test_the_embedded_encoder_has_its_own():
    assert recipe_for(OWN, "acceptability") is EMBEDDED_TASKS["acceptability"]
    assert recipe_for(OWN, "rte") is EMBEDDED


def test_options_replace_what_is_recorded():
    recipe = chosen_recipe(HUB, "cola", RecipeOptions(epochs=1, head="probed"))
    assert asdict(recipe) == {**asdict(STUDY), "epochs": 1, "head": "probed"}
    assert chosen_recipe(HUB, "cola", RecipeOptions()) == STUDY


@pytest.mark.parametrize(
    ("has", "precision"),
    [({"amx_bf16": True}, "bfloat16"), ({"avx512_bf16": True}, "bfloat16"),
     ({"amx_bf16": False, "avx512_bf16": False, "avx2": True}, "float32"), ({}, "float32")],
)  # fmt: skip
def test_auto_is_the_precision_that_the_processor_computes_in(monkeypatch, has, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    recipe = chosen_recipe(HUB, "cola", RecipeOptions(precision="auto"), "cpu")
    assert recipe == replace(STUDY, precision=precision)


def test_when_a_state_is_written_is_no_part_of_the_recipe():
    options = RecipeOptions(checkpoint_steps=7, checkpoint_minutes=0)
    assert chosen_recipe(HUB, "cola", options) == STUDY


def test_what_decides_the_outcome_is():
    options = RecipeOptions(micro_batch=8, memory_gb=1.5, patience=2, evaluate_every=10)
    found = chosen_recipe(HUB, "cola", options)
    assert found == replace(STUDY, micro_batch=8, memory_gb=1.5, patience=2, evaluate_every=10)


def test_scores_may_be_recorded_without_stopping():
    found = chosen_recipe(HUB, "cola", RecipeOptions(evaluate_every=10))
    assert found == replace(STUDY, evaluate_every=10)
