"""The recipe of a model and task: the recorded one, with what the options change."""

from __future__ import annotations

from dataclasses import replace

from ...models.folder.sources import ModelSource
from ...models.folder.text_lengths import fitting_length
from ...models.training.recipes import Recipe, recipe_for
from .config import RecipeOptions


def chosen_recipe(source: ModelSource, task: str, options: RecipeOptions) -> Recipe:
    """The recorded recipe of a model and task, with the options that are not 0 in its place."""
    recorded = recipe_for(source, task)
    given = {name: value for name, value in options.model_dump().items() if value}
    return Recipe(**{**vars(recorded), **given})


def fitting_recipe(recipe: Recipe, options: RecipeOptions, positions: int) -> tuple[Recipe, str]:
    """The recipe with a length that a model has positions for, and what is to be told of it.

    Raises:
        ConfigError: if `options` ask for more.
    """
    length, said = fitting_length(positions, options.max_length, recipe.max_length)
    return replace(recipe, max_length=length), said
