"""Flags in tables about masks: models that did not learn, and partners of the same class."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.curve.draw import Asked as AskedCurve
from subprobe.analysis.curve.draw import draw_curve
from subprobe.analysis.curve.measure import curve_of
from subprobe.analysis.hypotheses.asked import Asked
from subprobe.analysis.hypotheses.of_run import run_hypotheses
from subprobe.analysis.same_score.compare import Asked as AskedMasks
from subprobe.analysis.same_score.compare import compare_masks
from subprobe.analysis.same_score.masks import numbered
from subprobe.analysis.same_score.scoring import Measuring
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.single.mask_hypotheses import loaded_hypotheses, unlearned
from subprobe.analysis.single.training import fine_tune_to_folder
from subprobe.analysis.steps.progress import Silent
from subprobe.data.tasks.metrics import scores_of
from subprobe.models.ablation.constants import with_ablation
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training.evaluate import evaluate
from tiny_run import write_toy_task

BY_LABEL = "donors-by-label"


@pytest.fixture(scope="module")
def loaded(tiny_encoder, tmp_path_factory):
    """A fine-tuned model of the toy task."""
    folder = tmp_path_factory.mktemp("flags")
    columns = {"first": "text", "label": "side"}
    task = TaskChoice("toy", str(write_toy_task(folder / "toy")), columns)
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "m", seed=1, order_seed=1, selection="reported",
        options=RecipeOptions(learning_rate=0.005, epochs=2, batch_size=8), progress=Silent(),
    )  # fmt: skip
    return load_for_task(str(folder / "m"), task.load(None))


def flagged_as(loaded, flag):
    return replace(loaded, meta={**loaded.meta, "flag": flag})


def masks_of(loaded, match):
    """Two masks of one size under `resample`."""
    whole = full_subnetwork(loaded.anatomy)
    found = {}
    for name, place in (("a", 0), ("b", 1)):
        heads = whole.head_mask.copy()
        heads[place, 0] = False
        mask = whole.with_meta(head_mask=heads, kind="good", method="structured-heads")
        found[name] = with_ablation(
            mask, "resample", loaded.model, loaded.tokenizer, loaded.parts, match=match,
            max_length=loaded.max_length,
        )  # fmt: skip
    return numbered(found)


def hypotheses(loaded, mask):
    asked = Asked(draws=29, permutations=19, most_units=1, seed=1)
    return loaded_hypotheses(loaded, mask, asked, Silent()).tables()


@pytest.mark.parametrize("match", ["label", "any"])
def test_tables_say_that_partners_have_the_same_label(loaded, match):
    clean = flagged_as(loaded, "")
    masks = masks_of(clean, match)
    found = compare_masks(
        Measuring(clean), masks, AskedMasks(draws=1, permutations=19), Silent()
    ).tables()
    tables = [*hypotheses(clean, masks["a"]).values(), found["mask_spread"]]
    points, core = found["mask_scores"], found["core"]
    tables += [points[points["kind"].ne("full")], core[core["set"].ne("full")]]
    options = PruneOptions(ablation="resample", match_donors=match)
    asked = AskedCurve(units="heads", shares=(0.5,), kinds=("random",), draws=1, options=options)
    curve = curve_of(draw_curve(["m"], lambda _: clean, asked, Silent())).tables()
    tables += list(curve.values())
    assert len(tables) == 10
    for table in tables:
        assert len(table)
        assert table["flag"].fillna("").str.contains(BY_LABEL).all() == (match == "label")
    assert points.loc[points["kind"].eq("full"), "flag"].isna().all()


def test_hypotheses_of_a_model_that_did_not_learn_are_flagged(loaded):
    mask = masks_of(loaded, "any")["a"].with_meta(ablation="zero", constants={}, constants_of="")
    tables = hypotheses(flagged_as(loaded, "unlearned"), mask)
    equivalence = tables["hypotheses"].set_index("hypothesis").loc["equivalence"]
    # its flag stands before what the test lacks
    assert equivalence["flag"].startswith("unlearned, ")
    for table in tables.values():
        assert table["flag"].str.startswith("unlearned").all()
    for table in hypotheses(flagged_as(loaded, ""), mask).values():
        assert not table["flag"].fillna("").str.contains("unlearned").any()


def answered(loaded, said):
    """The evaluation of a model that gives these answers."""
    found = evaluate(loaded.model, loaded.tokenizer, loaded.parts.report, loaded.parts.spec)
    logits = 9.0 * np.eye(2)[said].astype(found.logits.dtype)
    metrics = scores_of(loaded.parts.spec, logits, found.labels)
    return replace(found, logits=logits, metrics=metrics)


def test_a_model_without_record_did_not_learn_if_it_is_at_the_majority(loaded):
    foreign = replace(loaded, meta={})
    labels = np.array([example.label for example in loaded.parts.report])
    assert unlearned(foreign, answered(loaded, labels)) == ""
    assert unlearned(foreign, answered(loaded, np.zeros_like(labels))) == "unlearned"
    assert unlearned(flagged_as(loaded, "diverged"), answered(loaded, labels)) == "diverged"
    assert unlearned(flagged_as(loaded, ""), answered(loaded, 0 * labels)) == ""


def test_hypotheses_of_a_run_have_the_flag_of_the_full_model(tmp_path):
    about = {"probe": "performance", "model": "m", "task": "t", "method": "structured", "seed": 1,
             "metric": "accuracy", "ablation": "zero", "n": 9, "n_clusters": 9, "variant": None,
             "cell_id": None, "mask_id": "x"}  # fmt: skip
    lines = [
        about | {"kind": "full", "method": "full", "state": "finetuned", "value": 0.5, "draw": 0,
                 "flag": "unlearned"},
        *(about | {"kind": kind, "state": "pruned", "value": value, "draw": draw, "flag": None}
          for kind, value, draw in (("good", 0.6, 0), ("complement", 0.4, 0), ("random", 0.5, 0),
                                    ("random-complement", 0.5, 0))),
    ]  # fmt: skip
    from subprobe.data.output.tables import rows_frame

    table = run_hypotheses(rows_frame(pd.DataFrame(lines)), tmp_path)
    assert len(table) >= 2
    assert table["flag"].str.startswith("unlearned").all()
