"""The steps that find masks: the search in one model, and the masks that several seeds share."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...models.encoder.anatomy import anatomy_of
from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...models.training.evaluate import is_finite
from ...pruning.across_seeds import across_seeds
from ...pruning.search.structured import Scored
from ...pruning.sized.names import FORMS
from ..cell_output import CellOutput
from ..flags import OF_A_SEED
from ..gates.search import find_by_gates
from ..steps.degenerate import degenerate_search
from ..steps.masks import importance_rows, mask_rows
from ..steps.selection import find_good
from .gate_rows import gate_rows
from .work import Nothing, Work, noted


def search(work: Work) -> CellOutput:
    """The mask that a search keeps, and the importance of the units that it began with."""
    model, tokenizer = work.model("model")
    method, full = str(work.options["method"]), work.output("model").notes
    if full["flag"] and not is_finite(model):
        return unsearched(work, method)
    if method in FORMS:
        return learned(work, method)
    scores: list[Scored] = []
    with work.progress.stage(work.title) as advance:
        found = find_good(
            model,
            tokenizer,
            work.parts,
            work.materials.config.prune,
            max_length=work.setting.recipe.max_length,
            seeds=work.seeds,
            method=method,
            model_name=work.materials.prepared.source.name,
            progress=advance,
            say=work.say,
            scored=scores.append,
        )
    work.save_mask(found)
    about = work.about(None, "finetuned") | {"method": method, "selection": found.selection}
    parts = [importance_rows(one, found.importance, about) for one in scores]
    rows = pd.concat(parts) if parts else pd.DataFrame()
    return CellOutput(rows, pd.DataFrame(), notes={"history": list(found.history)})


def learned(work: Work, method: str) -> CellOutput:
    """The mask of gates that are learned towards a size, with the scores of soft gates."""
    model, tokenizer = work.model("model")
    length = work.setting.recipe.max_length
    with work.progress.stage(work.title) as advance:
        found = find_by_gates(
            model, tokenizer, work.parts, work.materials.config.prune, method, max_length=length,
            seeds=work.seeds, model_name=work.materials.prepared.source.name, progress=advance,
            say=work.say,
        )  # fmt: skip
    mask = found.subnetwork
    work.save_mask(mask)
    about = work.about(mask, "pruned") | {"method": method, "selection": mask.selection}
    rows = gate_rows(found, tokenizer, work.parts, length).assign(**about)
    if found.flag:
        work.say(f"gates of {method} diverged: the mask supports no conclusion")
        rows = rows.assign(flag=found.flag)
    return CellOutput(rows, pd.DataFrame(), notes={"history": list(mask.history)})


def unsearched(work: Work, method: str) -> CellOutput:
    """A mask that keeps every unit, for a model with NaN or infinite weights."""
    step = {"step": 0, "phase": "full", "metric": None, "accepted": True}
    whole = whole_mask(work, method, history=(step,))
    work.save_mask(whole)
    return noted({"history": list(whole.history)})


def of_mask(work: Work) -> CellOutput:
    """A mask with its rows: which units are kept, and how many."""
    mask = work.mask()
    assert mask is not None
    work.save_mask(mask)
    about = work.about(mask, "pruned")
    return CellOutput(mask_rows(mask, about), pd.DataFrame())


def whole_mask(work: Work, method: str, **more: Any) -> Subnetwork:
    """The mask with which a search begins: it keeps every unit of the fine-tuned model."""
    return full_subnetwork(
        anatomy_of(work.model("model")[0]),
        kind="good",
        method=method,
        task=work.parts.spec.name,
        model=work.materials.prepared.source.name,
        seed_init=work.seeds[0],
        seed_order=work.seeds[1],
        selection=work.parts.selection_name,
        fingerprint=work.output("model").notes["fingerprint"],
        **more,
    )


def across(work: Work) -> CellOutput:
    """The mask that is derived from the good masks of several seeds: super, anti or middle.

    A seed whose full model diverged or did not learn is left out: its mask preserves a meaningless
        score.
    """
    options, goods = work.options, []
    for seed in options["seeds"]:
        good = work.read_mask(f"good{seed}")
        if flag := work.output(f"model{seed}").notes["flag"]:
            why = OF_A_SEED[flag]
        else:
            # rule `study` continues for a model that did not learn; its mask may still be compared
            why = "" if good.sparsity() else degenerate_search(good)
        if why:
            name = f"{options['task']}-seed{seed}"
            work.progress.say(f"{name}: not in super, anti and middle ({options['method']}): {why}")
        else:
            goods.append(good)
    if len(goods) < 2:
        raise Nothing("fewer than two seeds have a mask to compare")
    work.save_mask(across_seeds(str(options["kind"]), goods, seed=work.seed))
    return CellOutput(pd.DataFrame(), pd.DataFrame())
