"""The recipe of a model and task: the recorded one, changed by the options."""

from __future__ import annotations

from dataclasses import replace

from ...models.folder.sources import ModelSource
from ...models.folder.text_lengths import fitting_length
from ...models.training.recipes import Recipe, recipe_for
from .config import RecipeOptions


def chosen_recipe(
    source: ModelSource, task: str, options: RecipeOptions, device: str = "auto"
) -> Recipe:
    """The recorded recipe of a model and task; options that are not 0 replace its values.

    Precision `auto` becomes that of the device. How often states are written is not part of the
    recipe, since it changes no result.
    """
    recorded = vars(recipe_for(source, task))
    given = options.model_dump()
    if options.precision == "auto":
        # with torch, which nobody else needs here
        from ...models.training.precision import best_precision

        given["precision"] = best_precision(device)
    return Recipe(**{name: given.get(name) or value for name, value in recorded.items()})


def fitting_recipe(recipe: Recipe, options: RecipeOptions, positions: int) -> tuple[Recipe, str]:
    """The recipe with its length limited to the model's positions, and a message about it.

    Raises:
        ConfigError: if `options` ask for more.
    """
    length, said = fitting_length(positions, options.max_length, recipe.max_length)
    return replace(recipe, max_length=length), said
