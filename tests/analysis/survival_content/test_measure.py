"""Survival against content: the statistic, its null, what is held out, and what it cannot say."""

import numpy as np
import pandas as pd
import pytest
from run_rows import made_rows
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from subprobe.analysis.stability.mask_sets import MaskSet, read_mask_sets
from subprobe.analysis.statistics.checks import checks_table
from subprobe.analysis.survival_content.coverage import CHECKS_FILE
from subprobe.analysis.survival_content.folds import auc, folds_of_heads, held_out, layer_alone
from subprobe.analysis.survival_content.measure import (
    COLUMNS,
    JOINT,
    measure_panels,
    measure_survival,
    survival_content_table,
)
from subprobe.analysis.survival_content.null import (
    centred,
    null_scores,
    permutations_within,
    score,
    smallest_p,
    two_sided,
)
from subprobe.analysis.survival_content.odds import informative, odds_ratio
from subprobe.analysis.survival_content.panel import head_panels, panel_of_masks
from subprobe.data.output.tables import rows_frame
from survival_content_simulation import Law, check_rows

pytestmark = pytest.mark.slow


def panel_of(kept, layer, predictors):
    """A panel of masks [S, U] with as many heads in every layer."""
    shape = len(np.unique(layer)), -1
    shapes: dict[str, tuple[int, ...]] = {"head": np.empty(len(layer)).reshape(shape).shape}
    return panel_of_masks(MaskSet("t", tuple(range(len(kept))), {"head": kept}, shapes), predictors)


@pytest.fixture(scope="module")
def drawn():
    """One draw of a law in which the predictor matters: survival, predictor, layer."""
    return Law(6, 12, 3, 0.8).draw(np.random.default_rng(3))


# -- the statistic and its null ---------------------------------------------------------------


def test_score_is_the_slope_of_the_conditional_likelihood(drawn):
    from statsmodels.discrete.conditional_models import ConditionalLogit

    kept, x, layer = drawn
    strata = np.arange(3)[:, None] * 100 + layer
    y, several = kept.ravel().astype(int), strata.ravel()
    varying = np.isin(several, [g for g in np.unique(several) if 0 < y[several == g].mean() < 1])
    model = ConditionalLogit(y[varying], x.ravel()[varying, None], groups=several[varying])
    assert score(kept, x, layer) == pytest.approx(model.score(np.zeros(1))[0])


def test_null_is_that_of_heads_moved_by_hand(drawn):
    kept, x, layer = drawn
    orders = permutations_within(layer, 5, np.random.default_rng(0))
    assert (layer[orders] == layer).all()
    assert (np.sort(orders, axis=1) == np.arange(len(layer))).all()
    by_hand = [score(kept, x[:, order], layer) for order in orders]
    assert null_scores(kept, x, layer, orders) == pytest.approx(by_hand)


def test_what_layers_and_runs_differ_by_does_not_count(drawn):
    kept, x, layer = drawn
    moved = x + 10.0 * layer + np.array([[5.0], [0.0], [-3.0]])
    assert score(kept, moved, layer) == pytest.approx(score(kept, x, layer))
    depth = np.broadcast_to(layer.astype(float), kept.shape)
    found = measure_panels([panel_of(kept, layer, {"depth": depth})]).content
    assert found["note"].tolist() == ["does not vary within layers"]
    assert found["p_value"].isna().all()


def test_smallest_p_counts_orders_that_differ():
    layer = np.array([0, 0, 0, 1, 1, 1])
    kept = np.array([[1, 0, 0, 1, 1, 1], [1, 0, 0, 1, 1, 0]], dtype=bool)
    assert smallest_p(kept, layer) == pytest.approx(1 / 9)  # 3 orders in each layer
    panel = panel_of(kept, layer, {"x": np.arange(6.0)})
    found = measure_panels([panel]).content
    assert found["p_value"].isna().all()
    assert "cannot reach .05" in found["note"][0]


@pytest.mark.parametrize("runs", [2, 5])
def test_size_and_power_in_short(runs):
    null = {row["of"]: row for row in check_rows(Law(6, 12, runs), 120)}
    sizes = [row["holds"] for row in null.values() if row["check"] == "size"]
    assert sizes
    assert all(sizes)
    found = {row["of"]: row for row in check_rows(Law(6, 12, runs, 0.7), 40)}
    assert found["permutation within layers"]["share"] > 0.6


def test_permuting_every_seed_for_itself_would_be_too_large():
    """Why the null is joint: survival and predictor of a head last over seeds."""
    rng = np.random.default_rng(5)
    law = Law(4, 12, 5, lasting=3.0, shared=1.0)
    apart, joint = [], []
    for _ in range(80):
        kept, x, layer = law.draw(rng)
        orders = permutations_within(layer, 99, rng)
        joint.append(two_sided(score(kept, x, layer), null_scores(kept, x, layer, orders)) <= 0.05)
        nulls = [
            null_scores(kept[[r]], x[[r]], layer, permutations_within(layer, 99, rng))
            for r in range(5)
        ]
        null = np.sum(nulls, axis=0)
        apart.append(two_sided(score(kept, x, layer), null) <= 0.05)
    assert np.mean(joint) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 80)
    assert np.mean(apart) > 0.2


def test_the_committed_table_holds():
    table = checks_table(CHECKS_FILE)
    sizes = table[table["check"] == "size"]
    assert len(sizes) == 20
    assert (sizes["share"] <= 0.05 + 2 * sizes["monte_carlo_error"]).all()
    assert (table[table["check"] == "power"].groupby("heads")["share"].max()[[72, 144]] > 0.9).all()
    assert set(table["check"]) == {"size", "power", "coverage"}


# -- odds ratios ------------------------------------------------------------------------------


def test_odds_ratio_is_that_of_a_plain_logistic_regression(drawn):
    kept, x, layer = drawn
    runs, heads = informative(kept, layer)
    assert runs.all()
    y, z = kept[:, heads], x[:, heads]
    dummies = [np.repeat(np.eye(3), y.shape[1], axis=0)]
    dummies.append(np.tile(np.eye(6)[layer[heads]], (3, 1)))
    plain = LogisticRegression(C=np.inf, max_iter=5000, tol=1e-10)
    plain.fit(np.hstack([z.ravel()[:, None], *dummies]), y.ravel())
    found = odds_ratio(kept, x, layer)
    assert np.log(found.ratio) == pytest.approx(plain.coef_[0, 0], abs=1e-3)
    assert found.low < found.ratio < found.high
    assert found.n_clusters == heads.sum()


def test_layers_and_runs_without_variation_add_nothing(drawn):
    kept, x, layer = drawn
    more = np.concatenate([kept, np.ones((3, 4), dtype=bool)], axis=1)
    wider = np.concatenate([x, np.random.default_rng(0).normal(size=(3, 4))], axis=1)
    longer = np.append(layer, [6] * 4)
    assert odds_ratio(more, wider, longer).ratio == pytest.approx(odds_ratio(*drawn).ratio)
    taller = np.vstack([kept, np.ones((1, kept.shape[1]), dtype=bool)])
    assert not informative(taller, layer)[0][3]


def test_perfect_separation_has_no_odds_ratio():
    layer = np.repeat([0, 1], 6)
    x = np.tile(np.linspace(-1.0, 1.0, 6), 2)[None].repeat(2, axis=0)
    found = odds_ratio(x > 0, x, layer)
    assert np.isnan(found.ratio)
    assert "separates" in found.note


# -- what is held out -------------------------------------------------------------------------


def test_folds_hold_out_heads_of_every_layer_in_all_seeds():
    layer = np.repeat(np.arange(4), 7)
    fold = folds_of_heads(layer, np.random.default_rng(0))
    for one in range(4):
        counts = np.bincount(fold[layer == one])
        assert counts.tolist() == [2, 1, 1, 1, 1, 1]


def test_held_out_scores_equal_a_plain_loop(drawn):
    kept, x, layer = drawn
    fold = folds_of_heads(layer, np.random.default_rng(1))
    base = layer_alone(kept, layer, fold, by_layer=False)
    found = held_out(base, x[None])
    y, z, of = kept.ravel(), x.ravel(), np.tile(fold, 3)
    dummies = np.hstack(
        [np.repeat(np.eye(3), len(layer), axis=0), np.tile(np.eye(6)[layer], (3, 1))]
    )
    alone, both = np.zeros(len(y)), np.zeros(len(y))
    for one in np.unique(of):
        out = of == one
        plain = LogisticRegression(C=1.0, max_iter=500).fit(dummies[~out], y[~out])
        offset = plain.decision_function(dummies)
        slope = 0.0
        for _ in range(50):
            p = 1 / (1 + np.exp(-(offset + slope * z)[~out]))
            gradient = ((y[~out] - p) * z[~out]).sum() - slope
            slope += gradient / ((p * (1 - p) * z[~out] ** 2).sum() + 1)
        alone[out], both[out] = offset[out], (offset + slope * z)[out]
    for logits, (area, loss) in (
        (alone, (base.auc, base.log_loss)),
        (both, (found.auc[0], found.log_loss[0])),
    ):
        assert area == pytest.approx(roc_auc_score(y, logits), abs=1e-3)
        assert loss == pytest.approx(log_loss(y, 1 / (1 + np.exp(-logits))), abs=1e-4)
    several = held_out(base, x[None, ..., None])
    assert several.log_loss == pytest.approx(found.log_loss)
    doubled = held_out(base, np.stack([x, -x], axis=-1)[None])
    assert doubled.auc == pytest.approx(found.auc, abs=0.01)


def test_auc_has_half_ties_and_needs_both_classes():
    kept = np.array([True, False, True, False])
    assert auc(np.zeros((1, 4)), kept) == pytest.approx([0.5])
    assert auc(np.array([[2.0, 1, 3, 0]]), kept) == pytest.approx([1.0])
    assert np.isnan(auc(np.zeros((1, 4)), np.ones(4, dtype=bool))).all()


def test_leaving_out_seeds_leaks_heads_and_grouped_folds_do_not():
    """A predictor without any effect: its chance likeness with a head comes back in every seed."""
    rng = np.random.default_rng(11)
    law = Law(4, 8, 4, lasting=3.0, shared=1.0)
    gains = {"seeds": [], "heads": []}
    for _ in range(60):
        kept, x, layer = law.draw(rng)
        folds = {
            "seeds": np.arange(4)[:, None].repeat(len(layer), axis=1),
            "heads": folds_of_heads(layer, rng, folds=4),
        }
        for name, fold in folds.items():
            base = layer_alone(kept, layer, fold, by_layer=False)
            gains[name].append(base.log_loss - held_out(base, x[None]).log_loss[0])
    mean = {name: np.mean(values) for name, values in gains.items()}
    error = {name: np.std(values) / np.sqrt(60) for name, values in gains.items()}
    assert mean["seeds"] > 3 * error["seeds"]  # "predicts" what is noise
    assert mean["heads"] < 0


def test_a_true_predictor_helps_on_heads_and_layers_never_seen():
    kept, x, layer = Law(6, 12, 5, 1.2).draw(np.random.default_rng(2))
    panel = panel_of(kept, layer, {"content": x, "noise": np.sin(x * 1e4)})
    found = measure_panels([panel]).content.set_index("predictor")
    line = found.loc["content"]
    for held in ("heads", "layers"):
        assert line[f"{held}_auc"] > line[f"{held}_auc_null_high"]
        assert line[f"{held}_mcfadden"] > 0.05 > found.loc["noise", f"{held}_mcfadden"]
    assert line["p_value"] == pytest.approx(1 / 1001)
    assert line["p_adjusted"] == pytest.approx(2 / 1001)
    assert line["ci_low"] > 1
    assert found.loc[JOINT, "p_value"] <= 0.01
    assert (found.loc[["content", "noise"], "family_size"] == 2).all()


# -- rows in, rows out ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows():
    return made_rows(("a", "b"), (1, 2), draws=1, layers=4, heads=6)


def with_best_heads(rows):
    """Relation accuracies that follow survival in the good masks."""
    good = rows.query("probe == 'mask' and kind == 'good' and unit == 'head'")
    key = ["task", "seed", "layer", "head"]
    kept = good.set_index(key)["value"].to_dict()
    mine = (rows["metric"] == "dependency_accuracy") & (rows["kind"] == "full")
    rng = np.random.default_rng(0)
    lines = rows[mine].assign(
        value=[0.4 * kept[tuple(k)] + rng.normal(0, 0.1) for k in rows.loc[mine, key].to_numpy()]
    )
    other = lines.assign(relation="det", value=0.0, baseline_value=0.9)
    pooled = lines.assign(relation="all", value=99.0)
    return rows_frame(pd.concat([rows[~mine], lines, other, pooled], ignore_index=True))


def test_panels_hold_what_the_rows_say(rows):
    panels = head_panels(with_best_heads(rows))
    assert [panel.task for panel in panels] == ["a", "b", "all-tasks"]
    first = panels[0]
    assert first.runs == (("a", 1), ("a", 2))
    for line in rows.query("task == 'a' and kind == 'full' and unit == 'head'").itertuples():
        place = first.runs.index(("a", line.seed)), line.layer * 6 + line.head
        if line.probe == "attention-stats":
            name = f"attention-stats/{line.metric}"
            values = next(p.per_head for p in first.predictors if p.name == name)
            assert values[place] == pytest.approx(line.value)
    best = next(p for p in first.predictors if p.about["metric"] == "best_above_offset")
    accuracy = with_best_heads(rows).query(
        "task == 'a' and seed == 2 and layer == 3 and head == 5 and relation == 'nsubj'"
        " and metric == 'dependency_accuracy' and kind == 'full'"
    )
    gain = accuracy["value"].item() - accuracy["baseline_value"].item()
    assert best.per_head[1, 23] == pytest.approx(max(gain, -0.9))
    assert panels[2].kept.shape == (4, 24)


def test_table_finds_the_predictor_that_was_put_in(rows):
    table = survival_content_table(with_best_heads(rows))
    assert list(table.columns) == list(COLUMNS)
    best = table[table["metric"] == "best_above_offset"].set_index("task")
    assert (best.loc[["a", "b", "all-tasks"], "p_adjusted"] < 0.05).all()
    assert (best["n_runs"] == pd.Series({"a": 2, "b": 2, "all-tasks": 4})).all()
    others = table[table["probe"] == "attention-stats"]
    assert (others["p_value"] > 0.001).all()


def test_rows_in_another_order_give_the_same_table(rows):
    mixed = rows.sample(frac=1, random_state=1).sort_values("task", kind="stable")
    one, other = (survival_content_table(of[of["task"] == "a"]) for of in (rows, mixed))
    pd.testing.assert_frame_equal(one, other)


def test_classes_of_any_probe_become_predictors(rows):
    full = rows.query("metric == 'attention_entropy' and kind == 'full'")
    shares = [
        full.assign(probe="attention-patterns", metric="class_share", target=of, value=v)
        for of, v in (("vertical", full["value"]), ("diagonal", 1 - full["value"]))
    ]
    found = head_panels(rows_frame(pd.concat([rows, *shares], ignore_index=True)))[0]
    names = {p.name for p in found.predictors if p.about["probe"] == "attention-patterns"}
    assert names == {
        "attention-patterns/class_share/vertical", "attention-patterns/class_share/diagonal",
    }  # fmt: skip
    many = [full.assign(probe="many", metric="m", relation=f"r{i}") for i in range(25)]
    found = head_panels(rows_frame(pd.concat([rows, *many], ignore_index=True)))[0]
    assert not [p for p in found.predictors if p.about["probe"] == "many"]
    assert "many/m is left out: 25 predictors" in found.notes[0]


def test_pretrained_rows_serve_every_seed(rows):
    full = rows["kind"].eq("full") & rows["unit"].eq("head")
    once = rows[full & rows["seed"].eq(1) & rows["task"].eq("a")]
    pretrained = once.assign(state="pretrained", seed=pd.NA, task=pd.NA)
    panels = head_panels(rows_frame(pd.concat([rows, pretrained])), "pretrained")
    assert {panel.state for panel in panels} == {"pretrained"}
    for panel in panels:
        for predictor in panel.predictors:
            assert (predictor.per_head == predictor.per_head[0]).all()


def test_dead_ends_are_said(rows):
    rows = rows[(rows["task"] == "a") & rows["metric"].isin(["kept", "attention_entropy"])]
    everything = rows.assign(value=rows["value"].mask(rows["metric"] == "kept", 1.0))
    found = measure_survival(everything)
    assert found.content["predictor"].isna().all()
    assert "keeps every head" in found.content["note"][0]
    one_seed = measure_survival(rows[rows["seed"] == 1])
    assert one_seed.notes["note"].str.contains("1 seed: tests and intervals speak of oth").any()
    assert one_seed.content["p_value"].notna().any()
    nothing = measure_survival(rows[rows["probe"] == "mask"])
    assert "no rows of single heads" in nothing.content["note"][0]
    assert measure_survival(rows_frame([])).content.empty
    missing = rows.assign(
        value=rows["value"].mask(
            (rows["metric"] == "attention_entropy") & (rows["layer"] == 1) & (rows["head"] == 2)
            & (rows["seed"] == 2)
        )
    )  # fmt: skip
    line = measure_survival(missing).content.query("metric == 'attention_entropy'").iloc[0]
    assert (line["n_heads"], line["n_dropped"]) == (23, 1)


def test_predictors_of_other_heads_do_not_share_what_layers_say():
    kept, x, layer = Law(3, 8, 3, 0.8).draw(np.random.default_rng(6))
    one, other = x.copy(), x.copy()
    one[:, 1], other[:, 2] = np.nan, np.nan
    both = measure_panels([panel_of(kept, layer, {"a": one, "b": other})]).content
    alone = measure_panels([panel_of(kept, layer, {"b": other})]).content
    pair = both[both["predictor"] == "b"].reset_index(drop=True)
    same = ["heads_auc", "heads_auc_layer", "heads_log_loss_layer", "layers_log_loss", "p_value"]
    pd.testing.assert_frame_equal(pair[same], alone[same])


def test_few_heads_have_no_interval():
    kept, x, layer = Law(4, 4, 5, 0.5).draw(np.random.default_rng(4))
    found = measure_panels([panel_of(kept, layer, {"x": x})]).content
    assert found["odds_ratio"].notna().all()
    assert found["ci_low"].isna().all()
    assert "no interval: it covers 90%" in found["note"][0]


def test_published_masks_are_predicted_by_those_of_other_tasks_and_not_by_noise(realdata):
    tasks = read_mask_sets(realdata / "published-masks" / "heads_mlps")
    layer = np.repeat(np.arange(12), 12)
    rng = np.random.default_rng(0)
    rejected = []
    for task in tasks:
        kept = task.units["head"]
        others = [other.units["head"].mean(axis=0) for other in tasks if other is not task]
        panel = panel_of_masks(task, {"others": np.mean(others, axis=0)})
        line = measure_panels([panel]).content.iloc[0]
        assert line["p_value"] < 0.02, task.task
        assert min(line["heads_mcfadden"], line["layers_mcfadden"]) > 0
        assert line["ci_low"] > 1
        orders = permutations_within(layer, 399, rng)
        for _ in range(50):
            noise = centred(np.broadcast_to(rng.normal(size=144), kept.shape), layer)
            null = null_scores(kept, noise, layer, orders)
            rejected.append(two_sided(score(kept, noise, layer), null) <= 0.05)
    assert len(rejected) == 200
    assert np.mean(rejected) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)
