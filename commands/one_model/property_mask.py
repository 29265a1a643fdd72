"""`subprobe prune --criterion property=NAME`: a mask that is learnt for a property of words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from ...data.errors import UnknownNameError
from ...data.output.outputs import MASKS, is_file_name, prepare_out

_PROPERTY = "property="

OF_TASK = (
    "task", "data_dir", "column", "quotes", "as_classes", "group_disjoint", "method",
    "importance", "normalise", "rule", "threshold", "keep", "min_heads", "folds", "selection",
    "scores", "labels", "ablation", "match_donors", "donor_seed",
)  # fmt: skip
OF_SEARCHES = ("importance", "normalise", "rule", "threshold", "min_heads", "folds", "scores")
OF_PROPERTY = (
    "corpus", "train", "dev", "test", "units", "penalty", "epochs", "mask_rate", "readout_rate",
    "dropout", "rank", "reset", "against", "other",
)  # fmt: skip
OF_CONTROLS = ("draws", "seed")
"""Options of `prune`, by what they belong to."""


def prune_for_property(
    model: str,
    criterion: str,
    out: Path,
    *,
    other: str,
    null: str,
    files: Mapping[str, str | None],
    penalties: Sequence[float],
    options: Mapping[str, Any],
    controls: Mapping[str, Any],
    against: list[Path],
    opening: Mapping[str, Any],
    limit: int,
    overwrite: bool,
    as_json: bool,
    progress: Any,
) -> None:
    """Learn masks for a property, score them with their controls, write and print the results.

    Args:
        model: the encoder.
        criterion: `property=NAME`.
        out: a mask file for one penalty, or a folder for masks, read-outs and tables.
        other: `property=NAME` of a second property, or empty.
        null: `untrained`, which needs a reset encoder, or empty.
        files: corpus, train, dev and test.
        penalties: lambda, each once.
        options: fields of `PropertyOptions`; 0 = what is recorded for the model.
        controls: fields of `Controls`.
        against: mask files whose overlap is measured.
        opening: how the model is loaded.
        limit: maximum number of sentences per part; 0 = all.
        overwrite: write even if other files exist.
        as_json: print JSON on stdout.
        progress: receives the progress of long steps.
    """
    from ...analysis.property_search.files import (
        masks_against,
        open_encoder,
        tables_of,
        write_found,
    )
    from ...analysis.property_search.loaded_search import search_loaded
    from ...analysis.property_search.names import PROBE, RANKS
    from ...analysis.property_search.parts import read_parts
    from ...analysis.property_search.scored import curve_of
    from ...analysis.property_search.search import Controls
    from ...analysis.screen.console import print_mask
    from ...analysis.screen.records import print_records
    from ...analysis.untrained_null.of_search import Null
    from ...analysis.untrained_null.shown import shown
    from ...data.errors import ConfigError
    from ...data.generated_treebank import GENERATED
    from ...data.sentences.word_labels import check_property
    from ...pruning.learned.property_options import recorded_options
    from ...pruning.search.plan import CRITERIA

    if not criterion.startswith(_PROPERTY):
        raise UnknownNameError("criterion", criterion, (*CRITERIA, f"{_PROPERTY}NAME"))
    if other and not other.startswith(_PROPERTY):
        raise UnknownNameError("second property", other, (f"{_PROPERTY}NAME",))
    name, second = (one.removeprefix(_PROPERTY) for one in (criterion, other))
    for one in (name, *([second] if second else [])):
        check_property(one)
    if name == second:
        raise ConfigError(
            f"is the property of the mask itself: {name}", where="`other`",
            remedy="name another property",
        )  # fmt: skip
    if Null.of(null, 0, 0, "") and controls["reset"] == "none":
        raise ConfigError(
            "the untrained null needs an encoder with random weights", where="`null`",
            remedy="leave out `reset`, or choose encoder or all",
        )  # fmt: skip
    out = prepare_out(
        out, files=MASKS, folder=PROBE, overwrite=overwrite,
        reads=[model, *files.values(), *against],
    )  # fmt: skip
    if is_file_name(out) and len(penalties) > 1:
        raise ConfigError(
            f"{len(penalties)} penalties give {len(penalties)} masks, but `out` is a single file",
            where=f"`out` {out}",
            remedy="name a folder, or one `penalty`",
        )
    given = {key: value for key, value in options.items() if value or key in ("dropout", "seed")}
    training, compared = (
        recorded_options(model, given),
        Controls(**{**controls, "ranks": controls["ranks"] or RANKS}),
    )
    parts = read_parts(files["corpus"], files["train"], files["dev"], files["test"], limit=limit)
    loaded = open_encoder(model, progress=progress, **opening)
    others = masks_against(against, loaded, progress)
    scored_on = Path(files["test"] or files["dev"] or files["corpus"] or GENERATED).name
    found, words = search_loaded(
        loaded, name, parts, scored_on, penalties, training, compared, others, progress, second
    )
    masks = [one.subnetwork for one in found.learnt.values()]
    if is_file_name(out):
        masks[0].save(out)
    else:
        write_found(found, out, overwrite=overwrite)
    tables = tables_of(found)
    if as_json:
        said: dict[str, Any] = {
            table: json.loads(frame.to_json(orient="records")) for table, frame in tables.items()
        }
        typer.echo(json.dumps({**said, "masks": [mask.describe() for mask in masks]}))
        return
    print_records(
        [_shown(point) for point in curve_of(found.rows)],
        title=f"{name}: accuracy on {words.split} and size",
        keep=("kind", "accuracy", "95% interval", "score", "λ", "flag", "kept", "encoder"),
    )
    for variant, rows in _by_penalty(found.null):
        print_records(shown(rows), title=f"the mask and its untrained null, {variant}")
    if "overlap" in tables:
        print_records(tables["overlap"].to_dict("records"), title="overlap with other masks")
    for mask in masks if is_file_name(out) else ():
        print_mask(mask, out)


def _by_penalty(rows: Any) -> Iterator[tuple[str, Any]]:
    """The rows of the null at each penalty, if there are any."""
    if len(rows):
        penalty = rows["variant"].str.split(";").str[0]
        for name, lines in rows.groupby(penalty, sort=False):
            yield str(name).replace("lambda=", "λ = "), lines


def _shown(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point of the curve, as shown on the screen."""
    from ...analysis.wording import between, decimal

    rank, draw = point["rank"], point["draw"]
    kept = point.get("kept_units", point.get("expected_open"))
    bits = point.get("mask_bits", point.get("probe_bits"))
    low, high = point["ci_low"], point["ci_high"]
    return {
        "encoder": point["encoder"],
        "kind": f"random {draw}" if point["kind"] == "random" else point["kind"],
        "score": f"mlp, rank {rank}" if rank else point["score"],
        "λ": point["lambda"],
        "accuracy": decimal(point["value"], 3),
        "95% interval": between(low, high, 3),
        "kept": kept if kept is None else f"{kept:.0f}",
        "bits": bits if bits is None else f"{bits:.0f}",
        "flag": point["flag"],
    }
