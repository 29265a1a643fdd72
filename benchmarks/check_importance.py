"""Agreement of the importance definitions on the ranking of the units of one fine-tuned model.

`python -m benchmarks.check_importance MODEL --task mrpc --data-dir glue` prints Spearman's
correlation of every definition with `gate-example` over heads, raw and by layer, and over MLPs.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from scipy.stats import spearmanr
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.single.loaded import LoadedModel, load_for_task
from subprobe.analysis.steps.selection import Chooser
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.pruning.importance.methods import IMPORTANCES
from subprobe.pruning.importance.scoring import layer_norms

REFERENCE = "gate-example"


def scores(loaded: LoadedModel, method: str, batch_size: int) -> tuple[Any, Any]:
    """Raw importance of heads [L, H] and MLPs [L] of the full model."""
    options = PruneOptions(
        importance=method,
        normalise="none",
        batch_size=batch_size,
    )
    chooser = Chooser(loaded.model, loaded.tokenizer, loaded.parts, options, loaded.max_length)
    whole = full_subnetwork(anatomy_of(loaded.model))
    found = chooser.importance(loaded.parts.selection)(whole.head_mask, whole.mlp_mask)
    return found.head_importance, found.mlp_importance


def main(arguments: list[str] | None = None) -> None:
    """Print one line for each definition."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.check_importance", description=__doc__
    )
    parser.add_argument("model", help="folder of a fine-tuned model")
    parser.add_argument("--task", required=True)
    parser.add_argument("--data-dir")
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    loaded = load_for_task(options.model, TaskChoice(options.task, options.data_dir, None))

    heads, mlps = scores(loaded, REFERENCE, options.batch_size)
    print(f"{len(loaded.parts.selection)} examples of {loaded.parts.selection_name}")
    for method in IMPORTANCES:
        head, mlp = scores(loaded, method, options.batch_size)
        found = {
            "heads raw": spearmanr(heads.ravel(), head.ravel()),
            "by layer": spearmanr(layer_norms(heads).ravel(), layer_norms(head).ravel()),
            "MLPs": spearmanr(mlps, mlp),
        }
        said = ", ".join(f"{name} {one.statistic:.3f}" for name, one in found.items())
        print(f"{method}: {said}", flush=True)


if __name__ == "__main__":
    main()
