"""The options of a run: one checked, frozen tree that a TOML file can override."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ...data.checked_values import rule_of
from ...data.errors import ConfigError
from ...data.files.reading import reading
from ...data.seeds import CROSSED, LARGEST_NUMBER, SEEDS, too_large
from ...probes.entry import PathText
from ...probes.options import complete_options
from .crossed_seeds import CROSSED_LISTS, with_crossed
from .further_masks import CurveOptions, SameScoreOptions, check_curve, check_same_score
from .mask_options import (
    ControlOptions,
    LotteryOptions,
    PruneOptions,
    RetrainOptions,
    Section,
    check_ablation,
    check_criterion,
)
from .own_tasks import OwnTask, check_columns, check_tables, choice_of
from .probe_options import ProbeOptions as ProbeOptions
from .recipe_options import RecipeOptions as RecipeOptions
from .renamed import RENAMED
from .shipped import found_file
from .task_choice import TaskChoice

CrossedSeeds = tuple[Annotated[int, Field(gt=0, lt=CROSSED)], ...]


class RunConfig(Section):
    """All options of `subprobe run`."""

    model: str = Field("embedded", description="embedded, a folder written as a path, or a hub id")
    tasks: tuple[str, ...] = Field(("acceptability",), min_length=1, description="see: list tasks")
    data_dir: PathText = Field(
        "", description="folder with GLUE files or files of your own; empty = hub"
    )
    labels: tuple[str, ...] = Field(
        (), description="classes of a kept head as TASK_CLASS=MODEL_CLASS where their names differ"
    )
    quotes: Literal["auto", "undone", "literal"] = Field(
        "auto",
        description="quotes in your own .tsv files: auto (detected), undone (removed) or literal",
    )
    as_classes: bool = Field(
        False, description="every label of your own files is a class, even numbers, '-', -1 and NA"
    )
    group_disjoint: bool = Field(
        False, description="remove from train the groups of splits that are scored"
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=SEEDS)], ...] = Field(
        (1, 2), min_length=1, description="one full experiment per seed"
    )
    seeds_init: CrossedSeeds = Field(
        (), description="seeds of the task head, each with every one of seeds_order; empty = seeds"
    )
    seeds_order: CrossedSeeds = Field(
        (), description="seeds of the order of examples and of dropout; empty = seeds"
    )
    examples: tuple[int, ...] = Field(
        (),
        description="maximum numbers of train, validation and test examples per task; empty = all",
    )
    allow_no_specials: bool = Field(
        False, description="continue even if the tokenizer adds no special tokens"
    )
    workers: int = Field(
        0,
        ge=0,
        le=1024,
        description="cells computed at the same time; 0 = as many as the cores allow, 1 with a GPU",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="threads per cell, whatever the number of workers; 0 = cores / (tasks x seeds)",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where models run; auto: a GPU if there is one"
    )
    deterministic: bool = Field(
        False, description="on a GPU, only algorithms that give the same bytes each time; slower"
    )
    columns: dict[str, str] = Field(
        {},
        description="columns of your own files: first, second, label or score, and group = column",
    )
    task: dict[str, OwnTask] = Field(
        {},
        description="tasks with files of their own: [task.NAME] data_dir, columns",
    )
    recipe: RecipeOptions = RecipeOptions()
    prune: PruneOptions = PruneOptions()
    lottery: LotteryOptions = LotteryOptions()
    controls: ControlOptions = ControlOptions()
    curve: CurveOptions = CurveOptions()
    same_score: SameScoreOptions = SameScoreOptions()
    retrain: RetrainOptions = RetrainOptions()
    probe: ProbeOptions = ProbeOptions()

    def split_seed(self, seed: int) -> int:
        """The seed that splits the examples: crossed seeds all have the same split."""
        return self.seeds_init[0] if self.seeds_init else seed

    def sizes(self) -> dict[str, int] | None:
        """Maximum number of examples per split of a task, or None for all."""
        if not self.examples:
            return None
        return dict(zip(("train", "validation", "test"), self.examples, strict=True))

    def choice(self, task: str) -> TaskChoice:
        """Where the examples of one of the tasks lie and how they are read."""
        return choice_of(self, task)

    def plain(self) -> dict[str, Any]:
        """The options as plain JSON values, with all options of the requested probes."""
        plain = self.model_dump(mode="json")
        plain["probe"]["options"] = complete_options(self.probe.options, self.probe.names)
        return plain


def parse_config(values: dict[str, Any], *, where: str) -> RunConfig:
    """Check option values.

    Without `tasks`, the tasks are those with a table `[task.NAME]`; `task = "x"` means the single
    task x.

    Raises:
        ConfigError: for an unknown option or a value out of range, naming it.
        UnknownNameError: for an unknown column role.
    """
    named = values.get("task")
    if isinstance(named, str):
        values = {**values, "tasks": [named], "task": {}}
    elif isinstance(named, dict) and named and "tasks" not in values:
        values = {**values, "tasks": list(named)}
    if values.get("columns") and "tasks" not in values:
        raise ConfigError(
            "columns are given for a task without a name", where=where, remedy='tasks = ["NAME"]'
        )
    values = with_crossed(values, where)
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"])
        now = RENAMED.get(tuple(map(str, first["loc"])))
        if now and first["type"] == "extra_forbidden":
            raise ConfigError(
                f"option {option!r} was renamed",
                where=where,
                remedy=f"it is {'.'.join(now)}",
            ) from None
        raise ConfigError(
            f"unknown option {option!r}"
            if first["type"] == "extra_forbidden"
            else f"option {option!r} {rule_of(first)}",
            where=where,
            remedy=_remedy(first),
        ) from None
    if large := too_large(config.model_dump()):
        raise ConfigError(f"option {large!r} must be <= {LARGEST_NUMBER}", where=where)
    if len(config.examples) not in (0, 3) or any(count < 1 for count in config.examples):
        raise ConfigError(
            f"option 'examples' needs three counts above 0, got {list(config.examples)}",
            where=where,
        )
    if config.prune.keep and config.prune.selection == "cross-validation":
        raise ConfigError(
            "`keep` sets the size that cross-validation would determine",
            where=where,
            remedy="leave out one of them",
        )
    if config.labels and config.recipe.head != "kept":
        raise ConfigError(
            "option 'labels' maps the classes of a kept head, but the head is new",
            where=where,
            remedy='add head = "kept" under [recipe], or leave labels out',
        )
    check_ablation(config.prune, config.retrain.route, where)
    check_criterion(config.prune, where)
    check_curve(config.curve, where)
    check_same_score(config.same_score, config.prune, config.probe.names, where)
    check_columns(config, where)
    listed = {"tasks": config.tasks, "seeds": config.seeds, "prune.methods": config.prune.methods}
    listed |= {name: getattr(config, name) for name in CROSSED_LISTS}
    for option, chosen in listed.items():
        if len(set(chosen)) != len(chosen):
            twice = [str(one) for one in dict.fromkeys(chosen) if chosen.count(one) > 1]
            raise ConfigError(
                f"option {option!r} contains duplicates: {', '.join(twice)}", where=where
            )
    return config


def _remedy(error: Any) -> str:
    """A remedy for an unknown option: the closest names, or the options of the section."""
    every = "`subprobe config` writes every option with its default"
    if error["type"] != "extra_forbidden":
        return every
    *sections, name = map(str, error["loc"])
    model: Any = RunConfig
    for section in sections:
        field = getattr(model, "model_fields", {}).get(section)
        model = OwnTask if section == "task" else getattr(field, "annotation", model)
    known = sorted(model.model_fields)
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    table = f"[{'.'.join(sections)}] has" if sections else "there are"
    return f"{meant}{table}: {', '.join(known)}; {every}"


def read_config(path: Path | str | None) -> RunConfig:
    """Read a TOML file of options, or a shipped one by its name; None gives the defaults.

    Raises:
        ConfigError: if the file is missing, is not valid TOML, or has an unknown option.
    """
    if path is None:
        return RunConfig()
    path = found_file(Path(path))
    with reading(path, ConfigError, remedy="check `config`"):
        raw = path.read_bytes()
    with reading(path, ConfigError, problem="is not valid TOML"):
        values = tomllib.loads(raw.decode())
    config = parse_config(values, where=str(path))
    check_tables(config, str(path))
    return config
