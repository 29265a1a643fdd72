"""The command about the masks of many tasks and seeds: stability."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import (
    AsJson,
    Overwrite,
    Seed,
    emit_tables,
    named,
    permutations_option,
    prepare_folder,
    writing,
)


def stability(
    folder: Annotated[
        Path,
        named("run folder, folder of masks, or TASK/seed_N/{head_mask,mlp_mask}.npy", "FOLDER"),
    ],
    kind: Annotated[
        str | None, typer.Option("--kind", help="kind of subnetwork; default: good")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task", help="task id, upper or lower case; repeat for several; default: all"
        ),
    ] = None,
    sizes: Annotated[
        tuple[int, int, int] | None,
        typer.Option(
            help="hidden size, head size and MLP neurons (BERT base: 768 64 3072): adds the kept "
            "share of prunable weights"
        ),
    ] = None,
    permutations: Annotated[
        int, permutations_option(1_000_000, "also the number of bootstrap samples")
    ] = 2000,
    seed: Seed = 0,
    out: Annotated[Path | None, writing("folder for CSV tables")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Test how similar the subnetworks of several seeds and tasks are.

    Example: subprobe stability runs/quickstart --out stability
    """
    from ...analysis.screen.stability import print_stability
    from ...analysis.stability.mask_sets import read_mask_sets
    from ...analysis.stability.measure import measure_stability
    from ...analysis.stability.unit_weights import UnitWeights
    from ...data.errors import ConfigError
    from ...data.output.run_record import masks_left_over

    if sizes is not None and min(sizes) < 1:
        raise ConfigError(f"sizes must be >= 1, got {' '.join(map(str, sizes))}", where="--sizes")
    out = prepare_folder(out, "stability", overwrite)
    if over := masks_left_over(folder, sorted((folder / "masks").glob("*.safetensors"))):
        names = ", ".join(path.name for path in over)
        typer.echo(f"left out, since the run's configuration has no such mask: {names}", err=True)
    found = measure_stability(
        read_mask_sets(folder, kind=kind, tasks=task or ()),
        weights=None if sizes is None else UnitWeights.of_sizes(*sizes),
        draws=permutations,
        seed=seed,
    )
    emit_tables(found.tables(), out, "stability", overwrite=overwrite, as_json=as_json)
    if out is None and not as_json:
        print_stability(found)
