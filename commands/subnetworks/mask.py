"""The commands about masks as sets: union, intersection, difference, complement, overlap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.errors import ConfigError
from ...data.output.outputs import MASKS, prepare_out
from ..flags import Command
from ..options import AsJson, Correction, Overwrite, emit_tables, named, prepare_folder, writing

OVERLAP = "mask overlap"
"""What the record of a folder calls the table of overlaps."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Combine masks as sets of kept units, and compare them.\n\n"
    "Example: subprobe mask difference good.safetensors other.safetensors --out only.safetensors",
)

Masks = Annotated[list[Path], named("mask files of one encoder", "MASK...")]
Out = Annotated[Path, writing("mask file (.safetensors)")]


@app.command("union", cls=Command)
def union(masks: Masks, out: Out, overwrite: Overwrite = False, as_json: AsJson = False) -> None:
    """Keep the units that at least one mask keeps.

    Example: subprobe mask union a.safetensors b.safetensors --out either.safetensors
    """
    _combine("union", masks, out, overwrite=overwrite, as_json=as_json)


@app.command("intersection", cls=Command)
def intersection(
    masks: Masks, out: Out, overwrite: Overwrite = False, as_json: AsJson = False
) -> None:
    """Keep the units that all masks keep.

    Example: subprobe mask intersection a.safetensors b.safetensors --out both.safetensors
    """
    _combine("intersection", masks, out, overwrite=overwrite, as_json=as_json)


@app.command("difference", cls=Command)
def difference(
    masks: Masks, out: Out, overwrite: Overwrite = False, as_json: AsJson = False
) -> None:
    """Keep the units of the first mask that no other one keeps.

    Example: subprobe mask difference a.safetensors b.safetensors --out rest-of-a.safetensors
    """
    _combine("difference", masks, out, overwrite=overwrite, as_json=as_json)


@app.command("complement", cls=Command)
def complement(
    mask: Annotated[Path, named("mask file", "MASK")],
    out: Out,
    level: Annotated[
        list[str] | None,
        typer.Option(
            "--level",
            help="level to invert: heads, mlps, neurons or weights; repeat for several; default: "
            "every level at which the mask prunes",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Keep the units that a mask prunes.

    Example: subprobe mask complement good.safetensors --level heads --out rest.safetensors
    """
    from ...models.masks.algebra import complement as inverted

    checked = prepare_out(out, files=MASKS, overwrite=overwrite, reads=[mask])
    (one,) = _read([mask]).values()
    _write(inverted(one, level or ()), checked, as_json=as_json)


@app.command("overlap", cls=Command)
def overlap(
    masks: Masks,
    correction: Correction = "holm",
    out: Annotated[Path | None, writing("folder for the CSV table")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare masks in pairs: IoU and containment, with those of random masks of the same sizes.

    Example: subprobe mask overlap a.safetensors b.safetensors --json
    """
    from ...analysis.screen.records import print_records
    from ...analysis.stability.pair_table import pair_table

    out = prepare_folder(out, OVERLAP, overwrite)
    _need(masks, 2, "overlap")
    table = pair_table(_read(masks), correction)
    emit_tables({"mask_overlap": table}, out, OVERLAP, overwrite=overwrite, as_json=as_json)
    if not as_json:
        print_records(
            [_shown(line) for line in table.to_dict("records")],
            title="overlap of masks (in parentheses: expected by chance), with the central 95% of "
            "random masks of the same sizes",
            keep=("mask", "other", "unit", "IoU", "p", "containment", "random IoU", "shared"),
        )


def _need(masks: list[Path], least: int, what: str) -> None:
    if len(masks) < least:
        raise ConfigError(
            f"{what} needs at least {least} masks, got {len(masks)}", remedy="name another mask"
        )


def _read(paths: list[Path]) -> dict[str, Any]:
    """Masks by a short name: the file's, or the path where several files have the same."""
    from ...models.masks.subnetwork import Subnetwork

    stems = [path.stem for path in paths]
    names = [
        str(path) if stems.count(stem) > 1 else stem
        for path, stem in zip(paths, stems, strict=True)
    ]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError("the same mask is named twice", where=twice, remedy="name it once")
    return {name: Subnetwork.load(path) for name, path in zip(names, paths, strict=True)}


def _combine(
    operation: str, paths: list[Path], out: Path, *, overwrite: bool, as_json: bool
) -> None:
    from functools import reduce

    from ...models.masks import algebra

    checked = prepare_out(out, files=MASKS, overwrite=overwrite, reads=paths)
    _need(paths, 2, operation)
    found = reduce(getattr(algebra, operation), _read(paths).values())
    _write(found, checked, as_json=as_json)


def _write(mask: Any, out: Path, *, as_json: bool) -> None:
    from ...analysis.screen.console import print_mask

    mask.save(out)
    if as_json:
        typer.echo(json.dumps(mask.describe()))
    else:
        print_mask(mask, out)


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    """A line of the table, as shown on the screen."""
    from ...analysis.wording import bare_p, between, decimal

    return {
        "mask": line["mask"],
        "other": line["other"],
        "unit": line["unit"],
        "kept": f"{line['kept']} and {line['other_kept']} of {line['n_units']}",
        "shared": f"{line['shared']} ({line['shared_expected']:.1f})",
        "IoU": decimal(line["iou"], 3),
        "random IoU": between(line["iou_low"], line["iou_high"], 3),
        "containment": decimal(line["containment"], 3),
        "random containment": between(line["containment_low"], line["containment_high"], 3),
        "adjusted": decimal(line["adjusted"], 3),
        "p": bare_p(line["p_adjusted"]),
    }
