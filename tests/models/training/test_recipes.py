"""Which recipe a model and task get."""

from dataclasses import asdict

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
