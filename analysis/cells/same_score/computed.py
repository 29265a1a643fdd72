"""The steps that find masks of one size in one model, and score them and their core."""

from __future__ import annotations

import pandas as pd

from ....data.output.tables import rows_frame
from ....models.masks.subnetwork import Subnetwork
from ....models.training.evaluate import evaluate, is_finite
from ...cell_output import CellOutput
from ...flags import OF_A_SEED, joined
from ...same_score.core import Sets, asked_sets
from ...same_score.making import make_mask, size_of
from ...same_score.of_run import plain_columns
from ...same_score.scoring import metric_values
from ...single.loaded import LoadedModel
from ...steps.degenerate import degenerate_search
from ...steps.identity import DONORS_BY_LABEL, by_label, flagged
from ...steps.performance import performance_rows
from .. import probing, scoring
from ..work import Nothing, Work, noted


def search(work: Work) -> CellOutput:
    """One of several masks of one size: of a search on a sample, or of gates with a seed."""
    model, tokenizer = work.model("model")
    flag = str(work.output("model").notes["flag"] or "")
    if flag and not is_finite(model):
        raise Nothing(OF_A_SEED[flag])
    name = work.materials.prepared.source.name
    init, order = work.seeds
    loaded = LoadedModel(
        name, model, tokenizer, work.parts, {"model": name, "seed_init": init, "seed_order": order},
        max_length=work.setting.recipe.max_length,
    )  # fmt: skip
    method = str(work.options["method"])
    options = work.materials.config.prune.model_copy(update={"methods": (method,)})
    size = size_of(work.read_mask("sized")) if "sized" in work.order.inputs else None
    with work.progress.stage(work.title) as advance:
        found = make_mask(
            loaded, options, int(work.options["number"]),
            resampling=str(work.options["resampling"]), seed=work.seed, size=size,
            progress=advance, say=work.say,
        )  # fmt: skip
    work.save_mask(found)
    return noted({"history": list(found.history)})


def score(work: Work) -> CellOutput:
    """Score one of the masks on the reported examples."""
    return held(scoring.score(work))


def probe(work: Work) -> CellOutput:
    """Run one probe under one of the masks."""
    return held(probing.probe(work))


def held(output: CellOutput) -> CellOutput:
    """The output with its rows as a note: they are lines of tables, not rows of the run."""
    notes = {**output.notes, "rows": plain_columns(output.rows)}
    return CellOutput(pd.DataFrame(), output.parts, notes=notes)


def sets_of(work: Work, prefix: str) -> Sets:
    """The core of the masks that the inputs found."""
    roles = [f"{prefix}{number}" for number in range(1, int(work.options["masks"]) + 1)]
    return Sets.of({role: work.read_mask(role) for role in roles})


def score_core(work: Work) -> CellOutput:
    """Score the core of the masks, alone and taken away, and random sets; or run a probe on them.

    The metrics of each set are kept, by its place in `asked_sets`; none if there is no core.
    """
    sets = sets_of(work, "mask")
    if sets.core.empty:
        return noted({"values": {}})
    asked = asked_sets(sets, int(work.options["draws"]), work.seed)
    measured = _probed if "probe" in work.options else _scored
    rows = []
    with work.progress.stage(work.title) as advance:
        for done, one in enumerate(asked, 1):
            rows.append(flagged_as(work, measured(work, one.mask), one.mask))
            advance(done, len(asked))
    return noted({"values": plain_columns(metric_values(rows))})


def flagged_as(work: Work, rows: pd.DataFrame, mask: Subnetwork | None) -> pd.DataFrame:
    """Rows with the flags of the model's training, of the search and of partners of one label."""
    lost = mask is not None and (mask.empty or bool(degenerate_search(mask)))
    training = str(work.output("model").notes["flag"] or "")
    flag = joined(
        training or ("degenerate" if lost else ""), work.setting.flag,
        DONORS_BY_LABEL if by_label(mask) else "",
    )  # fmt: skip
    return flagged(rows_frame(rows), flag)


def _scored(work: Work, mask: Subnetwork) -> pd.DataFrame:
    model, tokenizer = work.model("model")
    found = evaluate(
        model, tokenizer, work.parts.report, work.parts.spec, subnetwork=mask,
        max_length=int(work.options["max_length"]),
    )  # fmt: skip
    rows = performance_rows(found, work.parts)
    return work.named(CellOutput(rows, pd.DataFrame()), mask, "pruned").rows


def _probed(work: Work, mask: Subnetwork) -> pd.DataFrame:
    return work.named(probing.under(work, mask), mask, "pruned").rows
