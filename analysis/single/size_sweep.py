"""Learned gates at several sizes: one mask each, and scores of soft gates beside those of masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts, TaskSpec
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation
from ...models.training.recipes import Recipe
from ...pruning.sized.gated_units import GatedUnits
from ...pruning.sized.hardening import check_target
from ...pruning.sized.size_gates import SizedGates
from ...pruning.sized.size_options import SizeOptions
from ..gates.replaced import ZEROS, Replaced
from ..gates.search import HARDENED, SOFT, binary_row, learn_under, soft_evaluation
from ..steps.identity import SIZES, identity
from ..steps.masks import mask_rows
from ..steps.progress import Advance, Progress
from .gate_scores import Sweeping, scores_by_part, swept
from .loaded import LoadedModel


@dataclass(frozen=True)
class SizeSweep:
    """The result of a sweep over sizes.

    Attributes:
        learned: the gates learned at each share of units to keep, in the given order.
        rows: tidy rows: the full model's scores, then of each size the kept units, the share of
            binary gates, and the scores under soft gates and under the mask; `variant` names size
            and gates, `split` the examples.
    """

    learned: dict[float, SizedGates]
    rows: pd.DataFrame


def sweep_sizes(
    loaded: LoadedModel,
    keeps: Sequence[float],
    options: SizeOptions,
    out: Path,
    progress: Progress,
    *,
    replaced: Replaced = ZEROS,
    overwrite: bool = False,
) -> SizeSweep:
    """Learn gates at each size and write `FORM-KEEP.safetensors` and `sweep.csv` into `out`.

    Every size starts from the same fine-tuned model, and sees the same examples in the same order.
    An encoder that is trained with its gates is saved as `model-KEEP`.

    Args:
        loaded: a fine-tuned model and its task.
        keeps: shares of the gated units to keep, without duplicates.
        options: training; its `keep` is not read.
        out: folder; created if missing.
        progress: receives the progress of each size, and warnings about masks that support no
            conclusion.
        replaced: the ablation of the masks.
        overwrite: write although the folder holds files that subprobe did not write; they stay.

    Raises:
        ConfigError: if a share is out of range, below one unit, or given twice.
        UnknownNameError, ConfigError, InputError, MaskError: if the ablation cannot be used.
        CheckpointError: for an encoder to be trained whose head cannot be saved.
    """
    each = [replace(options, keep=keep) for keep in keeps]
    names = [f"{keep:g}" for keep in keeps]
    if not each or len(set(names)) < len(names):
        raise ConfigError(
            f"must be one or more distinct shares, got {', '.join(names) or 'none'}",
            where="`keep`",
            remedy="name each share once",
        )
    replaced.check(options.units)
    units = GatedUnits(loaded.model, options.units, options.block)
    for keep in keeps:
        check_target(keep, units.costs, units.what)

    def learn(one: SizeOptions, recipe: Recipe, like: Subnetwork, advance: Advance) -> SizedGates:
        return learn_under(
            loaded.model, loaded.tokenizer, loaded.parts, one, recipe, replaced, like=like,
            seeds=loaded.seeds, model_name=loaded.name, progress=advance, say=progress.say,
        )  # fmt: skip

    sweeping = Sweeping(
        title=lambda name: f"learning gates, {name} of the units",
        learn=learn,
        warn=lambda found, name: _warn(found, name, progress),
        form=options.form,
        rows_of=lambda found, one, name: _rows_of(loaded, found, one, name),
    )
    named = dict(zip(names, each, strict=True))
    learned, rows = swept(
        loaded, named, sweeping, out, progress, replaced=replaced, overwrite=overwrite
    )
    return SizeSweep({one.keep: found for one, found in zip(each, learned, strict=True)}, rows)


def _warn(found: SizedGates, name: str, progress: Progress) -> None:
    if found.flag:
        progress.say(
            f"DIVERGED: the loss of gates for {name} of the units is NaN or infinite; the gates "
            "are those of the step before and support no conclusion; check that fine-tuning "
            "converged, or lower the learning rate"
        )


def size_table(sweep: SizeSweep, parts: TaskParts) -> list[dict[str, Any]]:
    """One record per size and one for the full model: kept units, binary gates, primary metric.

    Args:
        sweep: a finished sweep.
        parts: the task that it was made on.
    """
    metric = parts.spec.metric
    scores = sweep.rows[sweep.rows["metric"] == metric]
    table = [{"keep": "full model", **_by_split(scores[scores["variant"].eq("")], metric, "")}]
    for keep, found in sweep.learned.items():
        mask = found.subnetwork
        own = scores[scores["variant"].str.startswith(f"keep={keep:g};")]
        kept, whole = mask.counts()[mask.size_of]
        record: dict[str, Any] = {
            "keep": f"{keep:g}",
            "kept": f"{kept} of {whole} {SIZES[mask.size_of]}",
            "binary gates": found.binary,
        }
        for gates in (SOFT, HARDENED):
            lines = own[own["variant"].str.endswith(f"gates={gates}")]
            record |= _by_split(lines, metric, f"{gates}, ")
        table.append(record | {"flag": own["flag"].iloc[0]})
    return table


def _by_split(lines: pd.DataFrame, metric: str, gates: str) -> dict[str, Any]:
    by_split = lines.drop_duplicates("split").set_index("split")["value"]
    return {f"{metric}, {gates}{split}": float(value) for split, value in by_split.items()}


def _rows_of(
    loaded: LoadedModel, found: SizedGates, options: SizeOptions, name: str
) -> pd.DataFrame:
    """Kept units and scores at one size."""
    mask = found.subnetwork
    state = "pruned" if options.frozen else "retrained"
    of = f"keep={name};units={options.units};criterion={options.criterion}"
    of += f";encoder={'frozen' if options.frozen else 'trained'}"
    about = identity(loaded.name, mask, state) | {
        "task": loaded.parts.spec.name,
        "selection": mask.selection,
        **loaded.seed_columns,
        "variant": of,
    }

    def softly(examples: Sequence[Example], spec: TaskSpec) -> Evaluation:
        return soft_evaluation(found, loaded.tokenizer, examples, spec, loaded.max_length)

    frames = [mask_rows(mask, about), binary_row(found).assign(**about)]
    for gates, scored in ((SOFT, softly), (HARDENED, None)):
        variant = f"{of};gates={gates}"
        scores = scores_by_part(loaded, found.model, mask, state, variant, scored=scored)
        frames.append(scores)
    return pd.concat([rows_frame(frame) for frame in frames], ignore_index=True)
