"""The user's own tasks in a configuration: where their files are and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...data.errors import ConfigError
from ...data.tasks.columns import roles_of
from ...data.tasks.task_files import plain_name
from .task_choice import TaskChoice

if TYPE_CHECKING:
    from .config import RunConfig


class OwnTask(BaseModel):
    """One task of your own files, or a GLUE task in a folder of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: str = Field("", description="folder with train, validation and optionally test")
    columns: dict[str, str] = Field({}, description="role = column")
    quotes: Literal["auto", "undone", "literal"] = Field("auto", description="of .tsv files")
    as_classes: bool = Field(False, description="every label names a class")
    group_disjoint: bool = Field(
        False, description="groups of scored splits are removed from train"
    )


def choice_of(config: RunConfig, task: str) -> TaskChoice:
    """Where the examples of a task are and how they are read."""
    tables = {plain_name(name): own for name, own in config.task.items()}
    own: OwnTask | RunConfig = tables.get(plain_name(task), config)
    return TaskChoice(
        task,
        own.data_dir or config.data_dir or None,
        own.columns or None,
        own.quotes,
        own.as_classes,
        own.group_disjoint,
    )


def check_columns(config: RunConfig, where: str) -> None:
    """Raise if columns lack a role, or if it is unclear which task they belong to.

    Raises:
        ConfigError: naming the columns or the tasks.
        UnknownNameError: naming a role that does not exist.
    """
    for columns in (config.columns, *(own.columns for own in config.task.values())):
        if columns and set(columns) != {"group"}:
            roles_of(columns)
    tables = {plain_name(name) for name in config.task}
    without = [task for task in config.tasks if plain_name(task) not in tables]
    if config.columns and len(without) != 1:
        raise ConfigError(
            f"columns are given for one task, but they could be for {len(without)} tasks: "
            f"{', '.join(without) or 'none'}",
            where=where,
            remedy="give each task of your own a table [task.NAME] with data_dir and columns",
        )


def check_tables(config: RunConfig, where: str) -> None:
    """Raise if a table `[task.NAME]` does not belong to a task of the run.

    Raises:
        ConfigError: naming the table and the tasks.
    """
    asked = {plain_name(task) for task in config.tasks}
    for name in config.task:
        if plain_name(name) not in asked:
            raise ConfigError(
                f"the table [task.{name}] does not belong to a task of the run",
                where=where,
                remedy=f"the option 'tasks' names {', '.join(config.tasks)}",
            )
