"""How alike the definitions of importance rank the units of one fine-tuned model.

`python -m benchmarks.check_importance MODEL --task mrpc --data-dir glue` prints Spearman's
correlation of every definition with `gate-example` over heads, raw and by layer, and over MLPs.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from subprobe.analysis.running.config import PruneOptions
from subprobe.analysis.running.selection import Chooser
from subprobe.analysis.running.single import TaskChoice, load_for_task
from subprobe.pruning.anatomy import anatomy_of
from subprobe.pruning.importance import METHODS, layer_norms

REFERENCE = "gate-example"


def scores(chooser_of: Any, method: str) -> tuple[Any, Any]:
    """Raw importance of heads [L, H] and MLPs [L] of the whole model."""
    chooser = chooser_of(method)
    anatomy = anatomy_of(chooser.model)
    masks = (
        np.ones((anatomy.num_layers, anatomy.num_heads), dtype=bool),
        np.ones(anatomy.num_layers, dtype=bool),
    )
    found = chooser.importance(chooser.parts.selection)(*masks)
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

    def chooser_of(method: str) -> Chooser:
        given = PruneOptions(
            importance=method,  # type: ignore[arg-type]
            normalise="none",
            batch_size=options.batch_size,
        )
        return Chooser(loaded.model, loaded.tokenizer, loaded.parts, given, loaded.max_length)

    heads, mlps = scores(chooser_of, REFERENCE)
    print(f"{len(loaded.parts.selection)} examples of {loaded.parts.selection_name}")
    for method in METHODS:
        head, mlp = scores(chooser_of, method)
        found = {
            "heads raw": spearmanr(heads.ravel(), head.ravel()),
            "by layer": spearmanr(layer_norms(heads).ravel(), layer_norms(head).ravel()),
            "MLPs": spearmanr(mlps, mlp),
        }
        said = ", ".join(f"{name} {one.statistic:.3f}" for name, one in found.items())
        print(f"{method}: {said}", flush=True)


if __name__ == "__main__":
    main()
