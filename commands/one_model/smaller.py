"""The commands that apply a mask permanently, and measure speed: compact, bake, latency."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.output.outputs import ONNX, prepare_out
from ..options import (
    AsJson,
    Device,
    Mask,
    Model,
    OtherWeights,
    Overwrite,
    Quiet,
    emit,
    prepare_table,
    progress_of,
    writing,
)


def compact(
    model: Model,
    mask: Mask,
    out: Annotated[Path, writing("folder for the compact model")],
    onnx: Annotated[Path | None, writing("also export to this .onnx file", "--onnx")] = None,
    other_weights: OtherWeights = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Remove the heads, MLPs and neurons that a mask prunes; write the compact model.

    Example: subprobe compact ./finetuned/acc-1 --mask good.safetensors --out ./finetuned/small
    """
    from ...analysis.single.smaller import compact_to_folder, load_whole
    from ...models.folder.sources import MODEL

    out = prepare_out(out, folder=MODEL, overwrite=overwrite, reads=[model])
    if onnx is not None:
        onnx = prepare_out(onnx, files=ONNX, overwrite=overwrite, option="onnx")
    whole = load_whole(model, mask, other_weights=other_weights, say=progress_of(False).say)
    if onnx is not None:
        from ...models.smaller.onnx_file import check_exportable

        check_exportable(whole.model)
    smaller, summary = compact_to_folder(whole, out, overwrite=overwrite)
    if onnx is not None:
        from ...models.smaller.onnx_file import export_onnx

        summary["onnx_difference"] = export_onnx(smaller, onnx)
    _tell(summary, f"compact model in {out}", as_json)


def bake(
    model: Model,
    mask: Mask,
    out: Annotated[Path, writing("folder for the checkpoint")],
    other_weights: OtherWeights = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a mask as zeros into an ordinary checkpoint that any library loads.

    Example: subprobe bake ./finetuned/acc-1 --mask good.safetensors --out ./finetuned/baked
    """
    from ...analysis.single.smaller import bake_to_folder, load_whole
    from ...models.folder.sources import MODEL

    out = prepare_out(out, folder=MODEL, overwrite=overwrite, reads=[model])
    whole = load_whole(model, mask, other_weights=other_weights, say=progress_of(False).say)
    summary = bake_to_folder(whole, out, overwrite=overwrite)
    _tell(summary, f"checkpoint with zeros in {out}", as_json)


def latency(
    model: Model,
    mask: Mask,
    batch_size: Annotated[
        list[int] | None,
        typer.Option(help="examples per batch; repeat for several; default: 1 and 8"),
    ] = None,
    length: Annotated[
        list[int] | None,
        typer.Option(help="subwords per example; repeat for several; default: 32 and 128"),
    ] = None,
    repeats: Annotated[int, typer.Option(help="number of timed rounds (median); at least 7")] = 7,
    threads: Annotated[int, typer.Option(min=0, help="torch threads; 0 = the current number")] = 0,
    out: Annotated[Path | None, writing("CSV or Parquet file")] = None,
    overwrite: Overwrite = False,
    other_weights: OtherWeights = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure the speed of the full, masked, baked and compact model on this machine.

    Example: subprobe latency ./finetuned/acc-1 --mask good.safetensors --batch-size 8 --length 32
    """
    from ...analysis.screen.console import print_latency
    from ...analysis.single.latency import latency_rows
    from ...analysis.single.smaller import load_whole

    out = prepare_table(out, overwrite, model, mask)
    progress = progress_of(quiet)
    whole = load_whole(model, mask, other_weights=other_weights, device=device, say=progress.say)
    with progress.stage("measuring") as advance:
        rows = latency_rows(
            whole, batch_size or [1, 8], length or [32, 128], repeats=repeats,
            threads=threads or None, progress=advance,
        )  # fmt: skip
    if out is not None or as_json:
        emit(rows, out, as_json)
    else:
        print_latency(rows)


def _tell(summary: dict[str, Any], where: str, as_json: bool) -> None:
    if not summary["prunable_kept"]:
        typer.echo("DEGENERATE: the mask keeps no head and no MLP", err=True)
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(
        f"{where}: {summary['prunable_kept']:.1%} of the prunable weights kept, "
        f"{summary['parameters']:,} of {summary['parameters_before']:,} parameters, "
        f"{summary['flops_ratio']:.1%} of the operations at 128 subwords",
        err=True,
    )
