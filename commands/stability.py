"""The command about the masks of many tasks and seeds: stability."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, as_seed


def stability(
    folder: Annotated[
        Path,
        typer.Argument(
            help="run folder, folder of masks, or TASK/seed_N/{head_mask,mlp_mask}.npy",
            metavar="FOLDER",
        ),
    ],
    kind: Annotated[
        str | None, typer.Option("--kind", help="which masks of a run; default: good")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="only this task; repeat for several")
    ] = None,
    sizes: Annotated[
        tuple[int, int, int] | None,
        typer.Option(
            help="hidden size, head size and MLP neurons (BERT base: 768 64 3072): adds the kept "
            "share of prunable weights"
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="permutations and bootstrap samples", min=99, max=1_000_000)
    ] = 2000,
    seed: Annotated[int, typer.Option(help="same seed, same numbers", callback=as_seed)] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="folder for CSV tables")] = None,
    as_json: AsJson = False,
) -> None:
    """Test how far the subnetworks of several seeds and tasks agree.

    Example: subprobe stability runs/quickstart --out stability
    """
    from ..analysis.screen.stability import print_stability
    from ..analysis.stability.mask_sets import read_mask_sets
    from ..analysis.stability.measure import measure_stability
    from ..analysis.stability.unit_weights import UnitWeights
    from ..data.atomic import check_folder
    from ..data.errors import ConfigError
    from ..data.tables import write_csv

    if sizes is not None and min(sizes) < 1:
        raise ConfigError(f"--sizes {' '.join(map(str, sizes))}: sizes are positive")
    if out is not None:
        check_folder(out)
    found = measure_stability(
        read_mask_sets(folder, kind=kind, tasks=task or ()),
        weights=None if sizes is None else UnitWeights.of_sizes(*sizes),
        draws=draws,
        seed=seed,
    )
    tables = found.tables()
    if out is not None:
        for name, table in tables.items():
            write_csv(table, out / f"{name}.csv")
        typer.echo(f"{len(tables)} tables in {out}", err=True)
    if as_json:
        records = {name: json.loads(t.to_json(orient="records")) for name, t in tables.items()}
        typer.echo(json.dumps(records, ensure_ascii=False))
    elif out is None:
        print_stability(found)
