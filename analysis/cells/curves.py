"""The steps of a curve over sizes: its masks in one model, super masks, and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from ...models.encoder.anatomy import anatomy_of
from ...models.masks.subnetwork import full_subnetwork
from ...models.training.evaluate import is_finite
from ..cell_output import CellOutput
from ..configuration.further_masks import CurveOptions
from ..configuration.mask_options import PruneOptions
from ..curve.masks import Goods, goods_of, importance_of, supers_of, totals_in
from ..curve.measure import tables_of
from ..curve.scored import CurveScorer, ScoredModel
from ..curve.sizes import METHODS, Sizes, sizes_of
from ..curve.stored import packed, sizes_in, units_kept, unpacked, with_units
from ..flags import OF_A_SEED
from ..single.loaded import LoadedModel
from ..steps.progress import Advance, Progress
from .work import Nothing, Work, noted

LEFT_OUT = "left_out"
"""Note of a cell whose model cannot be scored: why."""


class _OfCell:
    """Progress whose stages and messages name the cell."""

    def __init__(self, work: Work):
        self._inner: Progress = work.progress
        self._title = work.title

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Open a stage."""
        with self._inner.stage(f"{self._title}: {title}") as advance:
            yield advance

    def say(self, line: str) -> None:
        """Report one line."""
        self._inner.say(f"{self._title}: {line}")


def score(work: Work) -> CellOutput:
    """Make and score the good, random and bad masks of every size in one fine-tuned model."""
    loaded = _loaded(work)
    if why := _unusable(loaded):
        work.say(why)
        return noted({LEFT_OUT: why})
    curve, options = work.materials.config.curve, _options(work)
    sizes = sizes_of(curve.units, totals_in(loaded.model, curve.units), curve.shares)
    progress = _OfCell(work)
    found = goods_of(loaded, sizes, options, curve.order, progress)
    scorer = CurveScorer(loaded, sizes, "", options.batch_size, progress)
    scored = scorer.score(found, ("good", "random", "bad"), curve.draws, work.seed)
    kept = []
    if curve.units in ("joint", "heads", "mlps"):
        kept = [units_kept(found.make(place)) for place in range(len(sizes))]
    return _stored(work, scored, sizes, options, kept=kept)


def score_super(work: Work) -> CellOutput:
    """Score the units that the good masks of all seeds keep, at every size, in one model."""
    notes = {role: work.output(role).notes for role in work.order.inputs if role != "model"}
    usable = [one for one in notes.values() if LEFT_OUT not in one]
    loaded = _loaded(work)
    if why := _unusable(loaded):
        return noted({LEFT_OUT: why})
    if len(usable) < 2:
        return noted({LEFT_OUT: "fewer than two seeds have good masks"})
    curve, options = work.materials.config.curve, _options(work)
    sizes, progress = sizes_in(usable[0]["sizes"]), _OfCell(work)
    whole = full_subnetwork(anatomy_of(loaded.model)).with_meta(
        kind="good", method=METHODS[curve.units], task=work.parts.spec.name,
        model=loaded.name, selection=usable[0]["selection"], importance=usable[0]["importance"],
    )  # fmt: skip
    own = [with_units(whole, units) for units in notes[f"curve{work.seed}"]["kept"]]
    nothing = {"heads": [] if "heads" in sizes.totals else units_kept(whole)["heads"],
               "mlps": [] if "mlps" in sizes.totals else units_kept(whole)["mlps"]}  # fmt: skip
    goods = Goods(own.__getitem__, with_units(whole, nothing))
    if options.ablation != "zero":
        # the constants of this model are not stored with its good masks
        goods = goods_of(loaded, sizes, options, curve.order, progress)
    every = [[with_units(whole, units) for units in one["kept"]] for one in usable]
    scorer = CurveScorer(loaded, sizes, "", options.batch_size, progress)
    scored = scorer.score(goods, ("super",), 1, work.seed, supers_of(every))
    return _stored(work, scored, sizes, options, kept=[])


def tables(work: Work) -> CellOutput:
    """The tables of the curve of one task, and its areas for each seed and draw as rows."""
    scored: list[ScoredModel] = []
    first: Mapping[str, Any] = {}
    for role in work.order.inputs:
        notes = work.output(role).notes
        if LEFT_OUT in notes or not role.startswith("curve"):
            continue
        one = unpacked(work.read_arrays(role), notes)
        shared = role.replace("curve", "super")
        if shared in work.order.inputs:
            more = work.output(shared).notes
            if LEFT_OUT not in more:
                found = unpacked(work.read_arrays(shared), more)
                answers = {**one.answers, **found.answers}
                one = replace(one, answers=answers, marks=one.marks + found.marks)
        scored.append(one)
        first = first or notes
    if not scored:
        raise Nothing("no model of the run can be scored")
    about = {
        "task": first["task"], "split": first["split"], "units": first["sizes"]["units"],
        "order": work.materials.config.curve.order, "importance": first["importance"],
    }  # fmt: skip
    rows, made = tables_of(
        scored, sizes_in(first["sizes"]), about,
        points=work.materials.config.curve.points, cell=work.order.id,
    )  # fmt: skip
    return CellOutput(rows, pd.DataFrame(), notes={"tables": made})


def _loaded(work: Work) -> LoadedModel:
    model, tokenizer = work.model("model")
    init, order = work.seeds
    name = work.materials.prepared.source.name
    meta = {"model": name, "seed_init": init, "seed_order": order,
            "flag": work.output("model").notes["flag"]}  # fmt: skip
    return LoadedModel(
        name, model, tokenizer, work.parts, meta, max_length=work.setting.recipe.max_length
    )


def _unusable(loaded: LoadedModel) -> str:
    """Why a model has no curve, if it has none."""
    flag = str(loaded.meta["flag"] or "")
    return OF_A_SEED[flag] if flag and not is_finite(loaded.model) else ""


def _options(work: Work) -> PruneOptions:
    """The options of the search; single weights have no output that is replaced."""
    options, curve = work.materials.config.prune, work.materials.config.curve
    if curve.units == "weights" and options.ablation != "zero":
        return options.model_copy(update={"ablation": "zero"})
    return options


def _stored(
    work: Work, scored: ScoredModel, sizes: Sizes, options: PruneOptions, **notes: Any
) -> CellOutput:
    """The arrays and notes of a scored model."""
    curve: CurveOptions = work.materials.config.curve
    arrays, plain = packed(scored)
    more = {
        "sizes": asdict(sizes),
        "task": work.parts.spec.name,
        "split": work.parts.report_name,
        "importance": importance_of(curve.units, options),
    }
    return work.save_arrays(
        CellOutput(pd.DataFrame(), pd.DataFrame(), arrays, {**plain, **more, **notes})
    )
