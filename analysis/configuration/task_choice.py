"""The chosen task, and how its files are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import ConfigError
from ...data.tasks.by_name import EMBEDDED, load_task
from ...data.tasks.columns import ROLES
from ...data.tasks.task import TaskData
from ...data.tasks.task_files import plain_name
from ...data.tasks.task_parts import capped, group_disjoint


@dataclass(frozen=True)
class TaskChoice:
    """The chosen task, and where its examples are.

    Attributes:
        name: a registered task, or any name with `columns`.
        data_dir: local folder, or None for the embedded generator or the hub.
        columns: role (`data.columns.ROLES`) -> column of the user's own files.
        quotes: how quotes in tab-separated files are read, see `data.own_tsv`.
        as_classes: whether every value under `label` names a class.
        group_disjoint: whether groups of scored splits are removed from train.
    """

    name: str
    data_dir: str | None = None
    columns: Mapping[str, str] | None = None
    quotes: str = "auto"
    as_classes: bool = False
    group_disjoint: bool = False

    def load(self, sizes: Mapping[str, int] | None = None) -> TaskData:
        """Read the task.

        Args:
            sizes: `train`, `validation` and `test` -> maximum number of examples; other validation
                splits count as `validation`.
        """
        generated = not self.columns and plain_name(self.name) in EMBEDDED
        data = load_task(
            self.name,
            data_dir=self.data_dir,
            columns=self.columns,
            sizes=sizes if generated else None,
            quotes=self.quotes,
            as_classes=self.as_classes,
        )
        if self.group_disjoint:
            data = group_disjoint(data)
        if generated or not sizes:
            return data
        return capped(data, {split: sizes[split.partition("_")[0]] for split in data.splits})


def task_choice(
    task: str,
    data_dir: Path | None,
    columns: Sequence[str] | None,
    *,
    quotes: str = "auto",
    as_classes: bool = False,
    group_disjoint: bool = False,
) -> TaskChoice:
    """The task that the options of a command name.

    Args:
        task: task id.
        data_dir: local folder, if any.
        columns: texts such as `first=sentence`, one per role.
        quotes: as in `TaskChoice`.
        as_classes: as in `TaskChoice`.
        group_disjoint: as in `TaskChoice`.

    Raises:
        ConfigError: for a column that is not of the form `role=name`.
    """
    roles = column_roles(columns) or None
    if roles and data_dir is None and set(roles) != {"group"}:
        raise ConfigError("`columns` needs the folder of your files", remedy="add `data_dir`")
    folder = str(data_dir) if data_dir else None
    return TaskChoice(task, folder, roles, quotes, as_classes, group_disjoint)


def column_roles(columns: Sequence[str] | None) -> dict[str, str]:
    """Role -> column, of texts such as `first=sentence`.

    Raises:
        ConfigError: for a text that is not of the form `role=name`, or a role that is given twice.
    """
    roles: dict[str, str] = {}
    for column in columns or ():
        role, equals, name = column.partition("=")
        if role not in ROLES or not equals or not name:
            raise ConfigError(
                f"`columns` {column} is not of the form role=name",
                remedy=f"the roles are {', '.join(ROLES)}; for example, first=sentence",
            )
        if role in roles:
            raise ConfigError(
                f"`columns` names {role} twice: {roles[role]} and {name}", remedy="keep one"
            )
        roles[role] = name
    return roles
