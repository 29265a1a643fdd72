"""Intervals of accuracy, gain and macro-F1 beside a plain bootstrap over the same draws."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from subprobe.analysis.intervals.class_intervals import class_intervals
from subprobe.analysis.statistics.clusters import RESAMPLES
from subprobe.data.output.item_parts import ItemParts
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult

LAYERS, SENTENCES, CLASSES = 3, 9, 4


def items_of(seed=0, relation="upos"):
    """Each sentence has some words with a class, and a prediction for each state."""
    draw = np.random.default_rng(seed)
    records = []
    for sentence in range(SENTENCES):
        for word in range(draw.integers(1, 7)):
            gold = int(draw.integers(0, CLASSES))
            for layer in range(LAYERS):
                right = draw.random() < 0.3 + 0.2 * layer
                said = gold if right else int(draw.integers(0, CLASSES))
                records.append(
                    {"probe": "tokens", "variant": "own", "relation": relation, "layer": layer,
                     "metric": "accuracy", "item_id": f"{sentence}:{word}",
                     "sentence_id": f"s{sentence}", "prediction": said, "gold": gold,
                     "score": float(said == gold)}
                )  # fmt: skip
    return pd.DataFrame(records)


def result_of(items, parts=1):
    rows = [
        {"probe": "tokens", "variant": "own", "relation": relation, "metric": metric,
         "unit": "layer", "layer": layer, "value": 0.5}
        for relation in dict.fromkeys(items["relation"])
        for metric in ("accuracy", "macro_f1", "accuracy_gain", "accuracy_seed_sd")
        for layer in range(LAYERS) if layer or metric != "accuracy_gain"
    ]  # fmt: skip
    split = np.array_split(np.arange(len(items)), parts)
    return ProbeResult(
        "tokens", rows_frame(rows), lambda: (items_frame(items.iloc[one]) for one in split)
    )


def plain_macro_f1(gold, said):
    """Mean of F1 over the classes that are there."""
    classes = set(gold) | set(said)
    hits = gold[gold == said]
    return sum(
        2 * (hits == one).sum() / ((gold == one).sum() + (said == one).sum()) for one in classes
    ) / len(classes)


def test_the_plain_macro_f1_is_that_of_scikit_learn():
    draw = np.random.default_rng(0)
    gold, said = draw.integers(0, 4, (2, 30))
    theirs = f1_score(gold, said, average="macro", zero_division=0)
    assert plain_macro_f1(gold, said) == pytest.approx(theirs)


def plain_limits(items, names):
    """Limits by metric and layer: every resample scored anew on repeated cases."""
    units = list(dict.fromkeys(names))
    drawn = np.random.default_rng(0).multinomial(
        len(units), np.full(len(units), 1 / len(units)), size=RESAMPLES
    )
    copies = drawn[:, [units.index(name) for name in names]]
    found = {}
    for layer in range(LAYERS):
        own = (items["layer"] == layer).to_numpy()
        gold, said = (items.loc[own, name].to_numpy() for name in ("gold", "prediction"))
        scores = []
        for weights in copies[:, own]:
            again = np.repeat(np.arange(own.sum()), weights)
            scores.append((
                (gold[again] == said[again]).mean(),
                plain_macro_f1(gold[again], said[again]),
            ))  # fmt: skip
        found[layer] = np.array(scores)
    return {
        (metric, layer): np.quantile(values, [0.025, 0.975])
        for layer, scores in found.items()
        for metric, values in (
            ("accuracy", scores[:, 0]), ("macro_f1", scores[:, 1]),
            ("accuracy_gain", scores[:, 0] - found[0][:, 0]),
        )
    }  # fmt: skip


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_are_those_of_a_plain_bootstrap(clustered):
    items = items_of()
    names = items["sentence_id"]
    if clustered:
        number = names.str[1:].astype(int)
        names = ("c" + (number // 3).astype(str)).where(number < 6, names)
        items["cluster_id"] = names.where(number < 6)
    wanted = plain_limits(items, names.tolist())
    rows = class_intervals(result_of(items, parts=3))
    over = "clusters of sentences" if clustered else "sentences"
    for row in rows.itertuples():
        if row.metric == "accuracy_seed_sd":
            assert pd.isna(row.ci_low)
            assert pd.isna(row.ci_method)
            continue
        low, high = wanted[row.metric, row.layer]
        assert (row.ci_low, row.ci_high) == pytest.approx((low, high), abs=1e-9)
        assert row.ci_method == f"percentile bootstrap over {over} ({RESAMPLES})"


def test_tasks_stand_apart_and_one_sentence_has_no_interval():
    both = pd.concat([items_of(), items_of(1, "arc")], ignore_index=True)
    rows = class_intervals(result_of(both))
    for seed, relation in enumerate(("upos", "arc")):
        alone = class_intervals(result_of(items_of(seed, relation)))
        ours = rows[rows["relation"] == relation].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, alone)
    one = items_of()
    one = one[one["sentence_id"] == "s1"]
    rows = class_intervals(result_of(one))
    assert rows["ci_low"].isna().all()
    assert rows["ci_method"].isna().all()


def test_the_finish_step_is_known_by_its_name():
    from subprobe.analysis.configuration.config import ProbeOptions
    from subprobe.analysis.steps.finishing import finished
    from subprobe.analysis.steps.probing import clustered

    result = clustered(result_of(items_of()), {})
    assert isinstance(result.item_parts, ItemParts)
    rows = finished(result, ProbeOptions(names=("tokens",)))
    assert rows.loc[rows["metric"] == "macro_f1", "ci_low"].notna().all()
    assert set(rows["n_clusters"].dropna()) == {SENTENCES}
